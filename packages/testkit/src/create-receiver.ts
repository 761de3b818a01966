import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A request as it came in, byte for byte. */
export interface ReceivedRequest {
  method: string
  path: string
  headers: IncomingHttpHeaders
  body: string
  /** Milliseconds of a monotonic clock, when the request was complete. */
  at: number
}

/** How a request is answered; 200 at once when nothing is said. `'never'` keeps the connection without a word. */
export type ReceiverAnswer =
  | { status?: number; headers?: Record<string, string>; body?: string; after?: Promise<unknown> }
  | 'never'
  | undefined

/** Decides on an answer; `nth` counts the requests of this `webhook-id` from 1. */
export type AnswerRequest = (request: ReceivedRequest, nth: number) => ReceiverAnswer

/** A real HTTP server that records what it gets and answers as the test says. */
export interface Receiver {
  /** Without a path: requests to any path are taken. */
  readonly url: string
  readonly requests: readonly ReceivedRequest[]
  /** Changes how requests are answered from now on. */
  answer(decide: AnswerRequest): void
  /** Requests to a path, in order. */
  at(path: string): ReceivedRequest[]
  /** How often each `webhook-id` came. */
  countById(): Map<string, number>
  /** Resolves once so many requests came to a path (or to any). @throws after a deadline. */
  untilReceived(count: number, path?: string): Promise<ReceivedRequest[]>
  /** Forgets what came, and answers 200 again. */
  reset(): void
  close(): Promise<void>
}

const WAIT_MS_MAX = 30_000

/** Starts a receiver on a free port of loopback. */
export async function createReceiver(): Promise<Receiver> {
  let requests: ReceivedRequest[] = []
  let decide: AnswerRequest = () => undefined
  const counts = new Map<string, number>()
  let listeners: (() => void)[] = []

  const server = createServer((incoming, response) => {
    void readRequest(incoming).then((request) => {
      if (request === undefined) return
      requests.push(request)
      const id = String(request.headers['webhook-id'])
      const nth = (counts.get(id) ?? 0) + 1
      counts.set(id, nth)
      void answerRequest(response, decide(request, nth))
      for (const listener of listeners) listener()
    })
  })
  server.keepAliveTimeout = 60_000
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const at = (path: string): ReceivedRequest[] => requests.filter((request) => request.path === path)

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get requests() {
      return requests
    },
    answer: (next) => {
      decide = next
    },
    at,
    countById: () => new Map(counts),
    untilReceived: async (count, path) => {
      const find = (): ReceivedRequest[] => (path === undefined ? requests : at(path))
      const seen = (): string => `${find().length} of ${count} requests${path === undefined ? '' : ` to ${path}`}`
      await waitFor(() => find().length >= count, { listen, explain: seen })
      return find().slice(0)
    },
    reset: () => {
      requests = []
      counts.clear()
      decide = () => undefined
    },
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }

  function listen(listener: () => void): () => void {
    listeners.push(listener)
    return () => {
      listeners = listeners.filter((one) => one !== listener)
    }
  }
}

async function waitFor(
  isDone: () => boolean,
  { listen, explain }: { listen: (listener: () => void) => () => void; explain: () => string },
): Promise<void> {
  if (isDone()) return
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      forget()
      reject(new Error(`waited ${WAIT_MS_MAX} ms in vain: ${explain()}`))
    }, WAIT_MS_MAX)
    const forget = listen(() => {
      if (!isDone()) return
      clearTimeout(timer)
      forget()
      resolve()
    })
  })
}

async function readRequest(incoming: IncomingMessage): Promise<ReceivedRequest | undefined> {
  const chunks: Buffer[] = []
  try {
    for await (const chunk of incoming) chunks.push(chunk as Buffer)
  } catch {
    // The sender went away before the end: it was never received.
    return undefined
  }
  return {
    method: incoming.method ?? '',
    path: incoming.url ?? '',
    headers: incoming.headers,
    body: Buffer.concat(chunks).toString('utf8'),
    at: performance.now(),
  }
}

async function answerRequest(response: ServerResponse, answer: ReceiverAnswer): Promise<void> {
  if (answer === 'never') return
  await answer?.after
  response.writeHead(answer?.status ?? 200, answer?.headers)
  response.end(answer?.body ?? '')
}
