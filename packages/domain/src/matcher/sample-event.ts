import { createWorkBudget, FilterTooExpensiveError } from '../filter/work-budget.js'
import type { Bucket } from './bucket.js'
import type { FeatureReader } from './feature-reader.js'
import { type FeatureKind, isRangeKind } from './feature-table.js'
import type { FilterIndex } from './filter-index.js'

/** Steps of looking at one event for the statistics of its buckets. */
const SAMPLE_STEPS_MAX = 20_000

/** Looks at an event for the statistics, when all is found: at its own expense, so that no event pays for others. */
export function sampleEvent(index: FilterIndex, features: FeatureReader, buckets: readonly Bucket[]): void {
  features.payFrom(createWorkBudget(SAMPLE_STEPS_MAX))
  try {
    for (const bucket of buckets) {
      sampleBucket(index, features, bucket)
      if (bucket.countSample()) index.requestSweep(bucket)
    }
  } catch (error) {
    if (!(error instanceof FilterTooExpensiveError)) throw error
  }
}

/** Lets a bucket know what values an event has of what its filters ask for. */
function sampleBucket({ shapes }: FilterIndex, features: FeatureReader, { statistics }: Bucket): void {
  for (const feature of statistics.features) {
    const count = features.read(feature)
    const isRange = isRangeKind(shapes.features.kinds[feature] as FeatureKind)
    const first = (isRange ? features.numbers[feature] : features.hashes[feature]) as number
    const values = count > 1 ? (features.lists[feature] as number[]) : count === 0 ? [] : [first]
    statistics.sample(feature, values)
  }
}
