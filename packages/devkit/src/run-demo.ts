import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { DemoReceiver } from './demo-receiver.js'
import { writePrivately } from './development-keys.js'

export interface DemoOptions {
  readonly dataDir: string
  readonly apiUrl: string
  readonly secretKey: string
  readonly receiver: DemoReceiver
  readonly say: (line: string) => void
}

/** What an earlier start created; the secret of an endpoint is shown only once. */
interface DemoEndpoint {
  readonly id: string
  readonly url: string
  readonly secret: string
}

const ARRIVAL_TIMEOUT_MS = 15_000
const REQUEST_TIMEOUT_MS = 10_000

/** Creates a webhook to the demo receiver, once per data folder, and sends one event the whole way. */
export async function runDemo(options: DemoOptions): Promise<void> {
  const { receiver, say } = options
  const endpoint = await ensureEndpoint(options)
  receiver.setSecret(endpoint.secret)
  const startedAt = performance.now()
  const event = await call<{ id?: string }>(options, '/api/v1/events', {
    event: { name: 'demo.hello', payload: { text: 'Hello from Signalbox', sentAt: new Date().toISOString() } },
  })
  const webhook = await receiver.waitFor(
    ({ body }) => (body as { id?: unknown } | null)?.id === event.id,
    ARRIVAL_TIMEOUT_MS,
  )
  if (webhook === undefined) {
    say(`The demo event ${event.id} did not arrive within ${ARRIVAL_TIMEOUT_MS / 1000} s; see the logs.`)
    return
  }
  const signature = webhook.isSignatureValid === true ? 'signed, signature valid' : 'SIGNATURE NOT VALID'
  say(
    `Demo event ${event.id} arrived at the receiver after ${Math.round(performance.now() - startedAt)} ms, ${signature}.`,
  )
}

async function ensureEndpoint(options: DemoOptions): Promise<DemoEndpoint> {
  const path = join(options.dataDir, 'demo.json')
  const known = await readFile(path, 'utf8').then(
    (text) => JSON.parse(text) as DemoEndpoint,
    () => undefined,
  )
  // The database may have been another one then; and the receiver may have had to take another port.
  const exists = known !== undefined && known.url === options.receiver.url && (await isThere(options, known.id))
  if (exists) return known
  const created = await call<{ id: string; secret: string }>(options, '/api/v1/webhook-endpoints', {
    url: options.receiver.url,
    events: ['*'],
    description: 'Demo receiver of npm start',
  })
  const endpoint = { id: created.id, url: options.receiver.url, secret: created.secret }
  await writePrivately(path, JSON.stringify(endpoint))
  return endpoint
}

async function isThere(options: DemoOptions, id: string): Promise<boolean> {
  const response = await fetch(`${options.apiUrl}/api/v1/webhook-endpoints/${id}`, {
    headers: { authorization: `Bearer ${options.secretKey}` },
    signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
  })
  await response.arrayBuffer()
  return response.ok
}

async function call<Answer>(options: DemoOptions, path: string, body: unknown): Promise<Answer> {
  const response = await fetch(`${options.apiUrl}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${options.secretKey}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`POST ${path} answered ${response.status}: ${text.slice(0, 500)}`)
  return JSON.parse(text) as Answer
}
