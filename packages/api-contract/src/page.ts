import { z } from 'zod'

/** Items of one page at most. */
export const PAGE_LIMIT_MAX = 100

/** Items of one page when the caller does not say. */
export const PAGE_LIMIT_DEFAULT = 25

/** Characters of a cursor. */
export const CURSOR_CHARACTERS_MAX = 512

/**
 * Query parameters of every list: keyset paging, newest first. The schemas of lists are strict: with a filter that is
 * ignored, a list would show everything.
 */
export const pageQueryShape = {
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(PAGE_LIMIT_MAX)
    .default(PAGE_LIMIT_DEFAULT)
    .describe(`items per page, 1 to ${PAGE_LIMIT_MAX}`),
  cursor: z.string().max(CURSOR_CHARACTERS_MAX).optional().describe('`nextCursor` of the page before'),
}

/** The answer of every list. */
export function pageSchema<Item extends z.ZodType>(item: Item) {
  return z.object({
    data: z.array(item),
    nextCursor: z.string().nullable().describe('pass it as `cursor` to get the next page; null on the last one'),
  })
}

/** One page of a list. */
export interface Page<Item> {
  data: Item[]
  nextCursor: string | null
}

const CURSOR_VERSION = 'c1.'

/** Writes the position after an item as an opaque text. */
export function writeCursor(position: string): string {
  return `${CURSOR_VERSION}${Buffer.from(position, 'utf8').toString('base64url')}`
}

/** Reads a cursor back; undefined when it is not one of ours. The position itself is still to be validated. */
export function readCursor(cursor: string): string | undefined {
  if (!cursor.startsWith(CURSOR_VERSION)) return undefined
  const position = Buffer.from(cursor.slice(CURSOR_VERSION.length), 'base64url').toString('utf8')
  return writeCursor(position) === cursor ? position : undefined
}
