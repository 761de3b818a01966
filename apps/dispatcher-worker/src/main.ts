import { runApp } from '@signalbox/runtime'
import { composeDispatcherWorker } from './compose.js'
import { readDispatcherWorkerConfig } from './config.js'

await runApp({
  name: 'dispatcher-worker',
  readConfig: readDispatcherWorkerConfig,
  compose: (context) => void composeDispatcherWorker(context),
})
