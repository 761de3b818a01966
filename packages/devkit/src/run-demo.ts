import { callApi, ensureDemoEndpoint, type DemoAccess } from './demo-endpoint.js'
import type { DemoReceiver } from './demo-receiver.js'

export interface DemoOptions extends DemoAccess {
  readonly receiver: DemoReceiver
  readonly say: (line: string) => void
}

const ARRIVAL_TIMEOUT_MS = 15_000

/** Points the webhook of this data folder to the demo receiver, and sends one event the whole way. Returns its secret. */
export async function runDemo(options: DemoOptions): Promise<string> {
  const { receiver, say } = options
  const secret = await ensureDemoEndpoint(options, receiver.demoUrl)
  receiver.setSecret(secret)
  const startedAt = performance.now()
  const event = (await callApi(options, 'POST /api/v1/events', {
    event: { name: 'demo.hello', payload: { text: 'Hello from Signalbox', sentAt: new Date().toISOString() } },
  })) as { id?: string }
  const webhook = await receiver.waitFor(
    ({ body }) => (body as { id?: unknown } | null)?.id === event.id,
    ARRIVAL_TIMEOUT_MS,
  )
  if (webhook === undefined) {
    say(`The demo event ${event.id} did not arrive within ${ARRIVAL_TIMEOUT_MS / 1000} s; see the logs.`)
    return secret
  }
  const signature = webhook.isSignatureValid === true ? 'signed, signature valid' : 'SIGNATURE NOT VALID'
  const tookMs = Math.round(performance.now() - startedAt)
  say(`Demo event ${event.id} arrived at the receiver after ${tookMs} ms, ${signature}.`)
  return secret
}
