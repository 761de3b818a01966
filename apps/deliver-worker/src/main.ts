import { runApp } from '@signalbox/runtime'
import { composeDeliverWorker } from './compose.js'
import { readDeliverWorkerConfig } from './config.js'

await runApp({
  name: 'deliver-worker',
  readConfig: readDeliverWorkerConfig,
  compose: (context) => void composeDeliverWorker(context),
})
