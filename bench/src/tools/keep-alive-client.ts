import { connect, type Socket } from 'node:net'

/** One keep-alive connection that carries one request at a time. */
export interface KeepAliveConnection {
  /** Sends a request that is ready to be sent; gives the answer's status and body. */
  exchange(request: Buffer): Promise<Exchanged>
  close(): void
}

/** An answer. The body is only kept when it is not a 200. */
export interface Exchanged {
  readonly status: number
  readonly body: string
}

interface Waiting {
  readonly resolve: (answer: Exchanged) => void
  readonly reject: (error: Error) => void
}

const HEAD_END = Buffer.from('\r\n\r\n')
const STATUS_AT = 'HTTP/1.1 '.length

/**
 * Opens a connection. It knows as much of HTTP/1.1 as the servers here speak (an answer says its content length), and
 * takes a fraction of the CPU of a general client, which on a small machine would come off what is measured.
 */
export async function openConnection(url: URL): Promise<KeepAliveConnection> {
  const socket = await open(url)
  let waiting: Waiting | undefined
  let received: Buffer | undefined
  const fail = (error: Error): void => {
    waiting?.reject(error)
    waiting = undefined
  }
  socket.on('error', fail)
  socket.on('close', () => fail(new Error('The server closed the connection')))
  socket.on('data', (chunk: Buffer) => {
    received = received === undefined ? chunk : Buffer.concat([received, chunk])
    try {
      const answer = readAnswer(received)
      if (answer === undefined) return
      received = undefined
      const { resolve } = waiting ?? {}
      waiting = undefined
      resolve?.(answer)
    } catch (error) {
      socket.destroy()
      fail(error as Error)
    }
  })
  return {
    exchange: (request) =>
      new Promise((resolve, reject) => {
        waiting = { resolve, reject }
        if (socket.destroyed) fail(new Error('The connection is closed'))
        else socket.write(request)
      }),
    close: () => socket.destroy(),
  }
}

/** Makes the bytes of a POST. */
export function buildRequest(url: URL, body: string, headers: Readonly<Record<string, string>> = {}): Buffer {
  const all = {
    host: url.host,
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    ...headers,
  }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.from(`POST ${url.pathname}${url.search} HTTP/1.1\r\n${lines.join('')}\r\n${body}`)
}

function open(url: URL): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port: Number(url.port), host: url.hostname, noDelay: true })
    socket.once('connect', () => resolve(socket.off('error', reject)))
    socket.once('error', reject)
  })
}

/** The answer, once it is complete. */
function readAnswer(received: Buffer): Exchanged | undefined {
  const headEnd = received.indexOf(HEAD_END)
  if (headEnd < 0) return undefined
  const head = received.toString('latin1', 0, headEnd)
  const length = /^content-length: *(\d+)/im.exec(head)?.[1]
  if (length === undefined) throw new Error(`Expected an answer with a content length, got ${head}`)
  const bodyStart = headEnd + HEAD_END.length
  const end = bodyStart + Number(length)
  if (received.length < end) return undefined
  const status = Number(head.slice(STATUS_AT, STATUS_AT + 3))
  return { status, body: status === 200 ? '' : received.toString('utf8', bodyStart, end) }
}
