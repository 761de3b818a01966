import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { disableDemoEndpoint, ensureDemoEndpoint, type DemoAccess } from '../src/demo-endpoint.js'
import { makeTemporaryFolder } from './temporary-folder.js'

interface Endpoint {
  readonly id: string
  readonly url: string
  readonly events: string[]
  readonly enabled: boolean
}

/** The two calls of the API that are used, over HTTP. */
let endpoints: Endpoint[]
let status: number | undefined
let server: Server
let folder: ReturnType<typeof makeTemporaryFolder>
let access: DemoAccess
beforeEach(async () => {
  endpoints = []
  status = undefined
  folder = makeTemporaryFolder()
  server = createServer(async (request, response) => {
    let text = ''
    for await (const chunk of request) text += String(chunk)
    const body = JSON.parse(text) as Endpoint
    const id = request.url?.split('/')[4]
    const found = endpoints.findIndex((endpoint) => endpoint.id === id)
    if (status !== undefined || (id !== undefined && found === -1)) {
      return response.writeHead(status ?? 404).end('{}')
    }
    if (id === undefined) endpoints.push({ ...body, id: `e${endpoints.length}` })
    else endpoints[found] = { ...endpoints[found], ...body }
    return response.end(JSON.stringify({ ...endpoints.at(-1), secret: `whsec_${endpoints.length}` }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const apiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  access = { dataDir: folder.path, apiUrl, secretKey: 'tr_prod_x' }
})
afterEach(async () => {
  server.closeAllConnections()
  server.close()
  await folder.remove()
})

test('a receiver that moves takes its endpoint along, secret included', async () => {
  expect(await ensureDemoEndpoint(access, 'http://127.0.0.1:3040/hook/demo')).toBe('whsec_1')
  expect(await ensureDemoEndpoint(access, 'http://127.0.0.1:3041/hook/demo')).toBe('whsec_1')
  expect(endpoints).toMatchObject([{ url: 'http://127.0.0.1:3041/hook/demo', events: ['demo.*'], enabled: true }])
})

test('without the demo its endpoint is disabled, with it enabled again', async () => {
  expect(await disableDemoEndpoint(access)).toBe(false)
  await ensureDemoEndpoint(access, 'http://127.0.0.1:3040/hook/demo')
  expect(await disableDemoEndpoint(access)).toBe(true)
  expect(endpoints).toMatchObject([{ enabled: false }])
  await ensureDemoEndpoint(access, 'http://127.0.0.1:3040/hook/demo')
  expect(endpoints).toMatchObject([{ enabled: true }])
})

test('in another database a new one is made; an API that fails makes none', async () => {
  await ensureDemoEndpoint(access, 'http://127.0.0.1:3040/hook/demo')
  status = 500
  await expect(ensureDemoEndpoint(access, 'http://127.0.0.1:3041/hook/demo')).rejects.toThrow('answered 500')
  status = undefined
  endpoints = []
  expect(await disableDemoEndpoint(access)).toBe(false)
  expect(await ensureDemoEndpoint(access, 'http://127.0.0.1:3041/hook/demo')).toBe('whsec_1')
  expect(endpoints).toHaveLength(1)
})
