import { setFlagsFromString } from 'node:v8'
import { runApp } from '@signalbox/runtime'
import { composeDeliverWorker } from './compose.js'
import { readDeliverWorkerConfig } from './config.js'

/**
 * By how much, in percent, the heap may outgrow what lives in it before garbage is collected. Left to itself V8 doubles it:
 * hundreds of megabytes of dispatchers, which live long, would cost as much again.
 */
const HEAP_GROWING_PERCENT = 25

setFlagsFromString(`--heap-growing-percent=${HEAP_GROWING_PERCENT}`)

await runApp({
  name: 'deliver-worker',
  readConfig: readDeliverWorkerConfig,
  compose: (context) => void composeDeliverWorker(context),
})
