/** One page of a list, newest first; `nextBeforeId` is there when more may follow. */
export interface Page<T> {
  readonly items: readonly T[]
  readonly nextBeforeId: string | undefined
}

/** Where a page begins and how long it is. */
export interface PageQuery {
  /** Only what is older than this id (ids sort by time). */
  readonly beforeId?: string | undefined
  readonly limit: number
}

/** Makes a page of rows that were read with one more than the limit. */
export function toPage<T extends { id: string }>(rows: readonly T[], limit: number): Page<T> {
  const items = rows.slice(0, limit)
  return { items, nextBeforeId: rows.length > limit ? items.at(-1)?.id : undefined }
}

/** Makes a page of rows that know how many were found, up to one more than the limit; some may have been left out. */
export function toCutPage<T extends { id: string; found: number }>(rows: readonly T[], limit: number): Page<T> {
  const items = rows.slice(0, limit)
  const isWhole = items.length === (rows[0]?.found ?? 0)
  return { items, nextBeforeId: isWhole ? undefined : items.at(-1)?.id }
}
