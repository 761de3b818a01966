import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isSignatureValid, type WebhookHeaders } from './verify-signature.js'

/** One webhook that arrived. */
export interface ReceivedWebhook {
  readonly path: string
  readonly webhookId: string | undefined
  readonly receivedAt: string
  /** Null when an endpoint with a secret of its own may have signed it: that one isn't known here. */
  readonly isSignatureValid: boolean | null
  /** With null: why, and what to do. */
  readonly note?: string
  readonly body: unknown
}

export interface DemoReceiver {
  /** Where any endpoint may send. */
  readonly url: string
  /** Where only the demo endpoint sends, so that a signature is either valid or wrong. */
  readonly demoUrl: string
  /** The secret to verify with from now on. */
  setSecret(secret: string): void
  /** The first webhook, already here or still to come, that `wants` says yes to; undefined when none comes in time. */
  waitFor(wants: (webhook: ReceivedWebhook) => boolean, timeoutMs: number): Promise<ReceivedWebhook | undefined>
  stop(): Promise<void>
}

const HOOK_PATH = '/hook'
const DEMO_PATH = `${HOOK_PATH}/demo`
const KEPT_MAX = 100
const UNVERIFIED_NOTE =
  'isSignatureValid is null: not signed with the secret that this receiver knows. Give an endpoint that sends here the ' +
  '`secret` that npm start prints under Try, and its signatures are verified.'
const BODY_BYTES_MAX = 1024 * 1024

/** A webhook receiver to try things with: `POST /hook` or below takes one, `GET /` lists the last hundred. */
export async function startDemoReceiver({ port }: { readonly port: number }): Promise<DemoReceiver> {
  const received: ReceivedWebhook[] = []
  const listeners = new Set<(webhook: ReceivedWebhook) => void>()
  let secret: string | undefined

  const verify = (path: string, webhook: Parameters<typeof isSignatureValid>[1]): boolean | null => {
    if (secret === undefined) return null
    return isSignatureValid(secret, webhook) || (path === DEMO_PATH ? false : null)
  }
  const take = (path: string, headers: WebhookHeaders, body: Buffer): void => {
    const webhookId = headers['webhook-id']
    const isValid = verify(path, { headers, body })
    const webhook: ReceivedWebhook = {
      path,
      webhookId: typeof webhookId === 'string' ? webhookId : undefined,
      receivedAt: new Date().toISOString(),
      isSignatureValid: isValid,
      ...(isValid === null && { note: UNVERIFIED_NOTE }),
      body: parseBody(body),
    }
    received.push(webhook)
    if (received.length > KEPT_MAX) received.shift()
    for (const listener of listeners) listener(webhook)
  }

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const [path = '/'] = (request.url ?? '/').split('?', 1)
    if (request.method === 'GET' && path === '/') return sendJson(response, 200, { received: [...received].reverse() })
    if (request.method !== 'POST' || !`${path}/`.startsWith(`${HOOK_PATH}/`)) {
      return sendJson(response, 404, { error: 'POST /hook or GET /' })
    }
    const body = await readBody(request)
    if (body === undefined) return sendJson(response, 413, { error: `at most ${BODY_BYTES_MAX} bytes` })
    take(path, request.headers, body)
    return sendJson(response, 200, { ok: true })
  }

  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy())
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url: `${origin}${HOOK_PATH}`,
    demoUrl: `${origin}${DEMO_PATH}`,
    setSecret: (next) => void (secret = next),
    waitFor: (wants, timeoutMs) =>
      new Promise((resolve) => {
        const finish = (webhook: ReceivedWebhook | undefined): void => {
          clearTimeout(timer)
          listeners.delete(listen)
          resolve(webhook)
        }
        const listen = (webhook: ReceivedWebhook): void => {
          if (wants(webhook)) finish(webhook)
        }
        const timer = setTimeout(finish, timeoutMs, undefined)
        listeners.add(listen)
        const earlier = received.find(wants)
        if (earlier !== undefined) finish(earlier)
      }),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > BODY_BYTES_MAX) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function parseBody(body: Buffer): unknown {
  const text = body.toString('utf8')
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(body))
}
