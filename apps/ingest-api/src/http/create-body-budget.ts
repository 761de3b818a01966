/** Takes bytes out of the budget for one request; false when there are not so many left. */
export type TakeBytes = (bytes: number) => boolean

/** What all bodies that are being worked on may hold together. */
export interface BodyBudget {
  /** Opens an account for one request. What it took is given back when `onEnd` calls. */
  open(onEnd: (giveBack: () => void) => void): TakeBytes
  /** Bytes that are taken now. */
  countTaken(): number
}

/** Creates the budget of one process: its memory does not grow with the number of large requests at one time. */
export function createBodyBudget(bytesMax: number): BodyBudget {
  let taken = 0
  return {
    open: (onEnd) => {
      let own = 0
      return (bytes) => {
        if (taken + bytes > bytesMax) return false
        if (own === 0) onEnd(() => void (taken -= own))
        own += bytes
        taken += bytes
        return true
      }
    },
    countTaken: () => taken,
  }
}
