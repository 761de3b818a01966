import { runApp } from '@signalbox/runtime'
import { composeIngestApi } from './compose.js'
import { readIngestApiConfig } from './config.js'

await runApp({
  name: 'ingest-api',
  readConfig: readIngestApiConfig,
  compose: (context) => void composeIngestApi(context),
})
