/** Takes bytes out of the budget for one request; false when there are not so many left. */
export type TakeBytes = (bytes: number) => boolean

/** What a request ends with: its response, or its connection, closes. */
export interface Closable {
  once(event: 'close', listener: () => void): unknown
}

/** What all bodies that are being worked on may hold together. */
export interface BodyBudget {
  /** Opens an account for one request of an owner. What it took is given back when its response closes. */
  open(owner: string, response: Closable): TakeBytes
  /** Bytes that are taken now. */
  countTaken(): number
}

/** The part that one owner may hold: it can stall its own uploads, and not keep the others from sending. */
const OWNER_SHARE = 0.5

/** Creates the budget of one process: its memory does not grow with the number of large requests at one time. */
export function createBodyBudget(bytesMax: number): BodyBudget {
  const ownerBytesMax = bytesMax * OWNER_SHARE
  const takenBy = new Map<string, number>()
  let taken = 0
  const add = (owner: string, bytes: number): void => {
    const held = (takenBy.get(owner) ?? 0) + bytes
    if (held === 0) takenBy.delete(owner)
    else takenBy.set(owner, held)
    taken += bytes
  }
  return {
    open: (owner, response) => {
      let own = 0
      return (bytes) => {
        if (taken + bytes > bytesMax || (takenBy.get(owner) ?? 0) + bytes > ownerBytesMax) return false
        if (own === 0) response.once('close', () => add(owner, -own))
        own += bytes
        add(owner, bytes)
        return true
      }
    },
    countTaken: () => taken,
  }
}
