import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { serveCalls } from './serve-calls.js'

/** Listens on a free port: Express as it comes, parsing the body and sending it back. */
async function listen(): Promise<{ port: number }> {
  const app = express()
  app.use(express.json())
  app.post('/api/v1/events', (request, response) => {
    response.json(request.body)
  })
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port }
}

const methods = { listen }

/** The bare Express echo. */
export type EchoMethods = typeof methods

serveCalls(methods)
