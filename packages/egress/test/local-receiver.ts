import { once } from 'node:events'
import { createServer as createHttpServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer, type Socket } from 'node:net'

/** A real server on loopback, with a count of what reached it. */
export type LocalReceiver = {
  readonly url: string
  readonly port: number
  readonly connections: () => number
  readonly openConnections: () => number
  readonly requests: () => number
  readonly close: () => Promise<void>
}

export async function startReceiver(
  listener: RequestListener,
  tls?: { key: string; cert: string },
): Promise<LocalReceiver> {
  let requests = 0
  const counting: RequestListener = (request, response) => {
    requests += 1
    listener(request, response)
  }
  const server: Server = tls === undefined ? createHttpServer(counting) : createHttpsServer(tls, counting)
  const receiver = await listen(server)
  return {
    ...receiver,
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${receiver.port}`,
    requests: () => requests,
  }
}

/** For what no HTTP server does: each connection is handed over raw. */
export async function startTcpReceiver(onSocket: (socket: Socket, index: number) => void): Promise<LocalReceiver> {
  let index = 0
  const server = createTcpServer((socket) => {
    socket.on('error', () => {})
    onSocket(socket, index)
    index += 1
  })
  const receiver = await listen(server)
  return { ...receiver, url: `http://127.0.0.1:${receiver.port}`, requests: () => 0 }
}

export async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

async function listen(server: TcpServer): Promise<Omit<LocalReceiver, 'url' | 'requests'>> {
  const sockets = new Set<Socket>()
  let connections = 0
  server.on('connection', (socket: Socket) => {
    connections += 1
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => connections,
    openConnections: () => sockets.size,
    close: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
