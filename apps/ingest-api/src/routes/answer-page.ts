import { writeCursor } from '@signalbox/api-contract'

/** Answers a page of a list that is kept by id. */
export function answerPage<Item, Shown>(
  page: { items: readonly Item[]; nextBeforeId: string | undefined },
  show: (item: Item) => Shown,
): { status: 200; body: { data: Shown[]; nextCursor: string | null } } {
  const nextCursor = page.nextBeforeId === undefined ? null : writeCursor(page.nextBeforeId)
  return { status: 200, body: { data: page.items.map(show), nextCursor } }
}
