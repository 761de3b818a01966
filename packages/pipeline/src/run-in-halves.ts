import { SignalboxError } from '@signalbox/domain'
import { ItemFailure } from './group-commit.js'

/**
 * Runs a group; where the data of one item breaks it, halving finds that one, so that the others neither suffer nor are run
 * one by one. Gives one result or failure for each item, in order, and never throws: what fails, fails alone. An error
 * that says which one it is (`SignalboxError`) is about no item's data: all of the part fail with it, and nothing is halved.
 */
export async function runInHalves<Item, Result>(
  items: Item[],
  run: (items: Item[]) => Promise<(Result | ItemFailure)[]>,
): Promise<(Result | ItemFailure)[]> {
  try {
    return await run(items)
  } catch (error) {
    if (items.length <= 1 || error instanceof SignalboxError) return items.map(() => new ItemFailure(error))
    const middle = Math.ceil(items.length / 2)
    const first = await runInHalves(items.slice(0, middle), run)
    return [...first, ...(await runInHalves(items.slice(middle), run))]
  }
}
