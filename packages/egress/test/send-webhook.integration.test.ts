import type { RequestListener } from 'node:http'
import { afterEach, describe, expect, it } from '@jest/globals'
import type { Sender } from '../src/index.js'
import { type LocalReceiver, readBody, startReceiver, startTcpReceiver } from './local-receiver.js'
import { asFailed, asResponse, openSender, requestTo } from './open-sender.js'
import { setRealEnvironment } from './real-environment.js'

const closers: (() => Promise<void>)[] = []

const receiverOf = async (listener: RequestListener): Promise<LocalReceiver> => {
  const receiver = await startReceiver(listener)
  closers.push(receiver.close)
  return receiver
}

const tcpReceiverOf = async (...parameters: Parameters<typeof startTcpReceiver>): Promise<LocalReceiver> => {
  const receiver = await startTcpReceiver(...parameters)
  closers.push(receiver.close)
  return receiver
}

const senderOf = (...parameters: Parameters<typeof openSender>): Sender => {
  const sender = openSender(...parameters)
  closers.push(sender.close)
  return sender
}

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

describe('a request', () => {
  it.each(['POST', 'PUT', 'PATCH'] as const)('%s arrives as it was given', async (method) => {
    let seen: unknown
    const receiver = await receiverOf((request, response) => {
      void readBody(request).then((body) => {
        seen = { method: request.method, url: request.url, headers: request.headers, body }
        response.writeHead(201, { 'x-answer': 'yes' }).end('thanks')
      })
    })
    const headers = { 'content-type': 'application/json', 'webhook-id': 'msg_1' }
    const url = `${receiver.url}/hook/%C3%BC?a=1#part`
    const result = await senderOf().send(requestTo(url, { method, headers, body: '{"ü":1}' }))
    expect(seen).toEqual({
      method,
      url: '/hook/%C3%BC?a=1',
      headers: { ...headers, host: `127.0.0.1:${receiver.port}`, connection: 'keep-alive', 'content-length': '8' },
      body: '{"ü":1}',
    })
    expect(result).toMatchObject({
      kind: 'response',
      status: 201,
      bodyStart: 'thanks',
      bodyTruncated: false,
      address: '127.0.0.1',
    })
    expect(asResponse(result).headers['x-answer']).toBe('yes')
    expect(asResponse(result).durationMs).toBeGreaterThan(0)
  })

  it('keeps one connection for one after the other, and opens one each for those side by side', async () => {
    const receiver = await receiverOf((request, response) => void readBody(request).then(() => response.end()))
    const sender = senderOf({ socketsPerOriginMax: 3 })
    for (let count = 0; count < 5; count += 1) asResponse(await sender.send(requestTo(receiver.url)))
    expect(receiver.connections()).toBe(1)
    const results = await Promise.all(Array.from({ length: 20 }, () => sender.send(requestTo(receiver.url))))
    for (const result of results) asResponse(result)
    expect(receiver.requests()).toBe(25)
    expect(receiver.connections()).toBe(3)
  })

  it('reads no proxy from the environment', async () => {
    const proxy = await receiverOf((_request, response) => void response.writeHead(418).end())
    const receiver = await receiverOf((_request, response) => void response.end())
    const names = ['HTTP_PROXY', 'http_proxy', 'ALL_PROXY', 'all_proxy']
    await setRealEnvironment(Object.fromEntries(names.map((name) => [name, proxy.url])))
    try {
      expect(asResponse(await senderOf().send(requestTo(receiver.url))).status).toBe(200)
    } finally {
      await setRealEnvironment(Object.fromEntries(names.map((name) => [name, undefined])))
    }
    expect(proxy.connections()).toBe(0)
  })
})

describe('a response', () => {
  it.each([200, 204, 400, 404, 410, 429, 500, 503])(
    'with status %d is an answer, whatever it means',
    async (status) => {
      const receiver = await receiverOf((_request, response) => void response.writeHead(status).end())
      expect(asResponse(await senderOf().send(requestTo(receiver.url))).status).toBe(status)
      expect(receiver.requests()).toBe(1)
    },
  )

  it.each([301, 302, 303, 307, 308])('with status %d is not followed', async (status) => {
    const elsewhere = await receiverOf((_request, response) => void response.end())
    const receiver = await receiverOf(
      (_request, response) => void response.writeHead(status, { location: elsewhere.url }).end(),
    )
    const result = asResponse(await senderOf().send(requestTo(receiver.url)))
    expect([result.status, result.headers['location']]).toEqual([status, elsewhere.url])
    expect(elsewhere.connections()).toBe(0)
  })

  it('has its Retry-After read and its secrets masked', async () => {
    const receiver = await receiverOf((_request, response) => {
      response
        .writeHead(503, { 'retry-after': '120', 'set-cookie': ['a=secret', 'b=secret'], 'x-api-key': 'secret' })
        .end()
    })
    const result = asResponse(await senderOf().send(requestTo(receiver.url)))
    expect(result.retryAfterMs).toBe(120_000)
    expect(JSON.stringify(result)).not.toContain('secret')
    expect(result.headers).toMatchObject({ 'set-cookie': '[masked]', 'x-api-key': '[masked]', 'retry-after': '120' })
  })

  it.each([
    [16_384, false],
    [16_385, true],
    [65_536, true],
  ])(
    'of %d bytes is read whole, its start kept (truncated: %s), and the connection used again',
    async (length, truncated) => {
      const receiver = await receiverOf((_request, response) => void response.end('x'.repeat(length)))
      const sender = senderOf()
      for (let count = 0; count < 2; count += 1) {
        const result = asResponse(await sender.send(requestTo(receiver.url)))
        expect([result.bodyStart.length, result.bodyTruncated]).toEqual([16_384, truncated])
      }
      expect(receiver.connections()).toBe(1)
    },
  )

  it('without end is cut off and still counts by its status', async () => {
    let written = 0
    const receiver = await receiverOf((_request, response) => {
      response.writeHead(202)
      const write = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(16_384, 'x'))) written += 16_384
      }
      response.on('drain', write)
      write()
    })
    const result = asResponse(await senderOf().send(requestTo(receiver.url)))
    expect([result.status, result.bodyStart.length, result.bodyTruncated]).toEqual([202, 16_384, true])
    expect(written).toBeLessThan(64 * 1024 * 1024)
    await waitUntil(() => receiver.openConnections() === 0)
  })

  it('is kept as text that Postgres takes', async () => {
    const receiver = await receiverOf((_request, response) => void response.end(Buffer.from([0x61, 0, 0xff, 0x62])))
    expect(asResponse(await senderOf().send(requestTo(receiver.url))).bodyStart).toBe('a\uFFFD\uFFFDb')
  })

  it('may be preceded by 103 Early Hints', async () => {
    const receiver = await receiverOf((_request, response) => {
      response.writeEarlyHints({ link: '</a>; rel=preload' })
      response.writeHead(200, { 'x-final': '1' }).end('end')
    })
    const result = asResponse(await senderOf().send(requestTo(receiver.url)))
    expect([result.status, result.headers['x-final'], result.bodyStart]).toEqual([200, '1', 'end'])
  })
})

describe('a receiver that fails', () => {
  it.each<[string, RequestListener, string]>([
    ['never answers', () => {}, 'the receiver did not answer within 300 ms'],
    [
      'sends its body too slowly',
      (_request, response) => {
        response.writeHead(200)
        const timer = setInterval(() => response.write('x'), 20)
        response.once('close', () => clearInterval(timer))
      },
      'the status was 200, but the body did not end within 300 ms',
    ],
  ])('by its deadline: it %s', async (_name, listener, detail) => {
    const receiver = await receiverOf(listener)
    const result = asFailed(await senderOf().send(requestTo(receiver.url, { timeoutMs: 300 })))
    expect(result).toMatchObject({ code: 'timeout', detail, address: '127.0.0.1', reusedSocket: false })
    expect(result.durationMs).toBeGreaterThanOrEqual(295)
    expect(result.durationMs).toBeLessThan(1_500)
    expect(receiver.requests()).toBe(1)
    await waitUntil(() => receiver.openConnections() === 0)
  })

  it('by its deadline: it sends its head byte by byte', async () => {
    const receiver = await tcpReceiverOf((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nx-slow: ')
      const timer = setInterval(() => socket.write('x'), 20)
      socket.once('close', () => clearInterval(timer))
    })
    expect(asFailed(await senderOf().send(requestTo(receiver.url, { timeoutMs: 300 }))).code).toBe('timeout')
    await waitUntil(() => receiver.openConnections() === 0)
  })

  it.each<[string, string, string]>([
    ['speaks no HTTP', 'SSH-2.0-OpenSSH_9.9\r\n', 'response_invalid'],
    ['sends huge headers', `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(40_000)}\r\n\r\n`, 'response_invalid'],
    ['sends endless small headers', `HTTP/1.1 200 OK\r\n${'x: y\r\n'.repeat(20_000)}\r\n`, 'response_invalid'],
    [
      'contradicts its content-length',
      'HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello',
      'response_invalid',
    ],
    [
      'has both lengths',
      'HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
      'response_invalid',
    ],
    ['has a broken chunk', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nhello\r\n', 'response_invalid'],
    [
      'switches protocols unasked',
      'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n',
      'response_invalid',
    ],
  ])('as such: it %s', async (_name, bytes, code) => {
    const receiver = await tcpReceiverOf((socket) => void socket.once('data', () => socket.write(bytes)))
    const result = asFailed(await senderOf().send(requestTo(receiver.url, { timeoutMs: 2_000 })))
    expect(result).toMatchObject({ code, reusedSocket: false, address: '127.0.0.1' })
    expect(receiver.connections()).toBe(1)
    await waitUntil(() => receiver.openConnections() === 0)
  })

  it.each<[string, Parameters<typeof startTcpReceiver>[0]]>([
    ['resets at once', (socket) => void socket.once('data', () => socket.resetAndDestroy())],
    ['closes at once', (socket) => void socket.once('data', () => socket.end())],
    [
      'closes within the body',
      (socket) => void socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nhello')),
    ],
  ])('by its connection, on a new socket, without a second try: it %s', async (_name, onSocket) => {
    const receiver = await tcpReceiverOf(onSocket)
    const result = asFailed(await senderOf().send(requestTo(receiver.url)))
    expect(result).toMatchObject({ code: 'connection_reset', reusedSocket: false, address: '127.0.0.1' })
    expect(receiver.connections()).toBe(1)
  })

  it('by not being there', async () => {
    const receiver = await receiverOf(() => {})
    await receiver.close()
    closers.pop()
    const result = asFailed(await senderOf().send(requestTo(receiver.url)))
    expect(result).toMatchObject({ code: 'connection_refused', address: '127.0.0.1', reusedSocket: false })
    expect(result.durationMs).toBeLessThan(1_000)
  })

  it('does not spoil the exchanges after it', async () => {
    let count = 0
    const receiver = await receiverOf((request, response) => {
      count += 1
      if (count % 3 === 0) request.socket.resetAndDestroy()
      else if (count % 3 === 1) response.writeHead(500).end('x'.repeat(100_000))
      else response.end('ok')
    })
    const sender = senderOf({ socketsPerOriginMax: 4 })
    const results = await Promise.all(Array.from({ length: 300 }, () => sender.send(requestTo(receiver.url))))
    const kinds = new Map<string, number>()
    for (const result of results) {
      const name =
        result.kind === 'response' ? String(result.status) : result.kind === 'failed' ? result.code : result.kind
      kinds.set(name, (kinds.get(name) ?? 0) + 1)
    }
    expect([...kinds.keys()].toSorted()).toEqual(expect.arrayContaining(['200', '500']))
    expect([...kinds.values()].reduce((sum, value) => sum + value)).toBe(300)
    expect(kinds.get('timeout')).toBeUndefined()
  })
})

async function waitUntil(isTrue: () => boolean): Promise<void> {
  const giveUpAt = performance.now() + 2_000
  while (!isTrue()) {
    if (performance.now() > giveUpAt) throw new Error('it never became true')
    await new Promise((resolve) => setImmediate(resolve))
  }
}
