import { runApp } from '@signalbox/runtime'
import { composeScheduler } from './compose.js'
import { readSchedulerConfig } from './config.js'

await runApp({
  name: 'scheduler',
  readConfig: readSchedulerConfig,
  compose: (context) => void composeScheduler(context),
})
