import type { BenchStack } from '../stack/run-with-stack.js'
import type { EventSeries } from '../sample-events.js'
import type { Tool, Tools } from '../tools/start-tool.js'

/** A receiver with the webhook endpoint that sends to it. */
export interface Webhook {
  readonly receiver: Tool<Tools['receiver']>
  readonly url: string
}

/**
 * Starts a receiver and creates one webhook endpoint for it, with the settings that an endpoint has by itself, in the
 * environment of the stack or of another key.
 */
export async function createWebhook(stack: BenchStack, secretKey = stack.secretKey): Promise<Webhook> {
  const receiver = await stack.startTool('receiver')
  const { port } = await receiver.call('listen')
  const url = `http://127.0.0.1:${port}/webhook`
  const response = await fetch(`${stack.apiUrl}/api/v1/webhook-endpoints`, {
    method: 'POST',
    headers: { authorization: `Bearer ${secretKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ url, events: ['*'] }),
  })
  if (!response.ok)
    throw new Error(`Creating the webhook endpoint answered ${response.status}: ${await response.text()}`)
  await response.arrayBuffer()
  return { receiver, url }
}

/** What arrived of a series. @throws unless every event arrived, signed, and nothing else did. */
export async function verifyArrivals(
  receiver: Webhook['receiver'],
  series: EventSeries,
): Promise<{ duplicates: number }> {
  const { unique, duplicates, foreign, signed } = await receiver.call('countArrivals')
  if (unique !== series.count) {
    const missing = await receiver.call('listMissing')
    throw new Error(`${series.count - unique} of ${series.count} events did not arrive: ${missing.join(', ')} …`)
  }
  if (foreign > 0) throw new Error(`${foreign} requests arrived that are none of the series`)
  if (signed !== unique + duplicates) throw new Error(`${unique + duplicates - signed} requests arrived unsigned`)
  return { duplicates }
}
