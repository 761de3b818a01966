import { createServer, type RequestListener, type Server, STATUS_CODES } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { PROBLEM_MEDIA_TYPE, type ProblemCode, PROBLEMS, toProblem } from '@signalbox/api-contract'
import { createInstance } from './send-answer.js'

/** Line and headers of a request together. */
const HEADER_BYTES_MAX = 16 * 1024
/** Node drops the headers after its own maximum in silence; what bounds them here is their bytes. */
const HEADERS_MAX = 0

/** Time for the headers, and for the whole of a request with its body. */
const HEADERS_TIMEOUT_MS = 10_000
const REQUEST_TIMEOUT_MS = 30_000
const TIMEOUT_CHECK_MS = 2_000

/** Longer than the idle time of the usual load balancers (60 s), so that it is never us who closes first. */
const KEEP_ALIVE_MS = 65_000

/** How long idle connections may stay when the server stops, and requests in flight may take to finish. */
const STOP_GRACE_MS = 10_000

/** A server that listens. */
export interface RunningServer {
  port: number
  /** Takes no new connections, lets requests in flight finish, and closes what is left. */
  stop(): Promise<void>
}

/** Listens with bounded headers and times; malformed HTTP is answered with a problem too. */
export async function startHttpServer(
  listener: RequestListener,
  address: { port: number; host: string },
): Promise<RunningServer> {
  const server = createServer(
    {
      maxHeaderSize: HEADER_BYTES_MAX,
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: TIMEOUT_CHECK_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      noDelay: true,
    },
    listener,
  )
  server.maxHeadersCount = HEADERS_MAX
  server.on('clientError', answerMalformed)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(address.port, address.host, () => {
      server.off('error', reject)
      resolve()
    })
  })
  return { port: (server.address() as AddressInfo).port, stop: () => stop(server) }
}

const CODES: Readonly<Record<string, ProblemCode>> = {
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
}

// There is no request yet, so the answer is written by hand.
function answerMalformed(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const code = CODES[error.code ?? ''] ?? 'malformed_request'
  const { status, title } = PROBLEMS[code]
  const body = JSON.stringify(toProblem(code, { detail: title, instance: createInstance() }))
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    `content-type: ${PROBLEM_MEDIA_TYPE}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
  socket.once('finish', () => socket.destroy())
}

async function stop(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeIdleConnections()
  // Connections that were busy a moment ago are idle soon, and would stay for as long as keep-alive lasts.
  const sweep = setInterval(() => server.closeIdleConnections(), 50)
  const cut = setTimeout(() => server.closeAllConnections(), STOP_GRACE_MS)
  await closed
  clearInterval(sweep)
  clearTimeout(cut)
}
