import { measureBacklog } from './measure-backlog.js'
import { measureBulk } from './measure-bulk.js'
import { measureEndToEnd } from './measure-end-to-end.js'
import { measureLatency } from './measure-latency.js'
import { measureSingle } from './measure-single.js'
import { measureMatcherLoad } from './measure-matcher-load.js'
import { matcherMeasures } from '../matcher/measure-matcher.js'
import type { LocalMeasure, Measure } from './measure.js'

/** All measures, in the order in which they run. */
export const measures: readonly (Measure | LocalMeasure)[] = [
  measureSingle,
  measureBulk,
  measureEndToEnd,
  measureLatency,
  measureBacklog,
  ...matcherMeasures,
  measureMatcherLoad,
]
