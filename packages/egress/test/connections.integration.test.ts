import type { Socket } from 'node:net'
import { afterEach, describe, expect, it } from '@jest/globals'
import { type LocalReceiver, readBody, startReceiver, startTcpReceiver } from './local-receiver.js'
import { asFailed, asResponse, openSender, requestTo } from './open-sender.js'

const closers: (() => Promise<void>)[] = []
const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

const receiverOf = async (...parameters: Parameters<typeof startReceiver>): Promise<LocalReceiver> => {
  const receiver = await startReceiver(...parameters)
  closers.push(receiver.close)
  return receiver
}

const senderOf = (...parameters: Parameters<typeof openSender>): ReturnType<typeof openSender> => {
  const sender = openSender(...parameters)
  closers.push(sender.close)
  return sender
}

/** Answers the first request of each connection, then does `onSecond` when a second one comes on the same. */
const receiverThatTires = async (onSecond: (socket: Socket, index: number) => void): Promise<LocalReceiver> => {
  const receiver = await startTcpReceiver((socket, index) => {
    let requests = 0
    socket.on('data', () => {
      requests += 1
      if (requests === 1) socket.write(OK)
      else onSecond(socket, index)
    })
  })
  closers.push(receiver.close)
  return receiver
}

describe('a second try', () => {
  it('follows at once when a kept connection is reset, and is the same attempt', async () => {
    const receiver = await receiverThatTires((socket) => socket.resetAndDestroy())
    const sender = senderOf()
    asResponse(await sender.send(requestTo(receiver.url)))
    expect(asResponse(await sender.send(requestTo(receiver.url))).status).toBe(200)
    expect(receiver.connections()).toBe(2)
  })

  it('follows at once when a kept connection is closed', async () => {
    const receiver = await receiverThatTires((socket) => socket.end())
    const sender = senderOf()
    asResponse(await sender.send(requestTo(receiver.url)))
    expect(asResponse(await sender.send(requestTo(receiver.url))).status).toBe(200)
  })

  it('goes to a fresh connection though older ones are idle, and is the last', async () => {
    const receiver = await startTcpReceiver((socket, index) => {
      let requests = 0
      socket.on('data', () => {
        requests += 1
        if (requests === 1 && index < 2) socket.write(OK)
        else socket.resetAndDestroy()
      })
    })
    closers.push(receiver.close)
    const sender = senderOf()
    await Promise.all([sender.send(requestTo(receiver.url)), sender.send(requestTo(receiver.url))])
    const result = asFailed(await sender.send(requestTo(receiver.url)))
    expect(result).toMatchObject({ code: 'connection_reset', reusedSocket: false })
    expect(receiver.connections()).toBe(3)
  })

  it('does not follow when the answer had begun', async () => {
    const receiver = await receiverThatTires((socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nhello', () => socket.resetAndDestroy())
    })
    const sender = senderOf()
    asResponse(await sender.send(requestTo(receiver.url)))
    expect(asFailed(await sender.send(requestTo(receiver.url)))).toMatchObject({
      code: 'connection_reset',
      reusedSocket: true,
    })
    expect(receiver.connections()).toBe(1)
  })

  it('does not follow when the reset came later than a second', async () => {
    const receiver = await receiverThatTires((socket) => void setTimeout(() => socket.resetAndDestroy(), 1_050))
    const sender = senderOf()
    asResponse(await sender.send(requestTo(receiver.url)))
    expect(asFailed(await sender.send(requestTo(receiver.url)))).toMatchObject({
      code: 'connection_reset',
      reusedSocket: true,
    })
    expect(receiver.connections()).toBe(1)
  })

  it('follows at once, and once only, when the connection is refused', async () => {
    const gone = await startReceiver(() => {})
    await gone.close()
    let dialled = 0
    const lookup = (): Promise<string[]> => {
      dialled += 1
      return Promise.resolve(['127.0.0.1'])
    }
    const result = asFailed(await senderOf({ lookup }).send(requestTo(`http://hooks.example:${gone.port}/`)))
    expect([result.code, dialled]).toEqual(['connection_refused', 2])
  })

  it('does not outlast the deadline', async () => {
    const receiver = await startTcpReceiver((socket, index) => {
      let requests = 0
      socket.on('data', () => {
        requests += 1
        if (requests === 1 && index === 0) socket.write(OK)
        else if (index === 0) setTimeout(() => socket.resetAndDestroy(), 200)
      })
    })
    closers.push(receiver.close)
    const sender = senderOf()
    asResponse(await sender.send(requestTo(receiver.url)))
    const result = asFailed(await sender.send(requestTo(receiver.url, { timeoutMs: 400 })))
    expect(result.code).toBe('timeout')
    expect(result.durationMs).toBeLessThan(900)
    expect(receiver.connections()).toBe(2)
  })
})

describe('bounds', () => {
  it('a receiver that never answers holds its sockets only, and what waits for one ends by its own deadline', async () => {
    const silent = await receiverOf(() => {})
    const healthy = await receiverOf((_request, response) => void response.end('ok'))
    const sender = senderOf({ socketsPerOriginMax: 2 })
    const sendToSilent = (timeoutMs: number) => sender.send(requestTo(silent.url, { timeoutMs }))
    const holding = [900, 900].map(sendToSilent)
    const waiting = [400, 400, 400, 400].map(sendToSilent)
    expect(asResponse(await sender.send(requestTo(healthy.url))).durationMs).toBeLessThan(400)
    for (const result of await Promise.all(waiting)) {
      expect(asFailed(result)).toMatchObject({ code: 'overloaded', detail: 'no connection was free within 400 ms' })
    }
    expect(silent.requests()).toBe(2)
    for (const result of await Promise.all(holding)) expect(asFailed(result).code).toBe('timeout')
  })

  it('one owner takes no connection of another owner to the same origin', async () => {
    const receiver = await receiverOf((request, response) => void (request.url === '/slow' || response.end('ok')))
    const sender = senderOf({ socketsPerOriginMax: 2 })
    const slow = { ...requestTo(`${receiver.url}/slow`, { timeoutMs: 800 }), owner: 'a' }
    const held = [1, 2, 3].map(() => sender.send(slow))
    expect(asResponse(await sender.send({ ...requestTo(receiver.url), owner: 'b' })).status).toBe(200)
    await Promise.all(held)
  })

  it('what finds no place is told so at once', async () => {
    const silent = await receiverOf(() => {})
    const sender = senderOf({ socketsPerOriginMax: 1, waitingPerOriginMax: 1 })
    const held = [1, 2].map(() => sender.send(requestTo(silent.url, { timeoutMs: 300 })))
    expect(asFailed(await sender.send(requestTo(silent.url)))).toMatchObject({
      code: 'overloaded',
      durationMs: expect.any(Number),
    })
    await Promise.all(held)
    expect(asFailed(await sender.send(requestTo(silent.url, { timeoutMs: 100 }))).code).toBe('timeout')
  })

  it('the sum of all exchanges has a bound', async () => {
    const silent = await receiverOf(() => {})
    const sender = senderOf({ exchangesMax: 2 })
    const held = [1, 2].map(() => sender.send(requestTo(silent.url, { timeoutMs: 200 })))
    expect(asFailed(await sender.send(requestTo(silent.url))).code).toBe('overloaded')
    await Promise.all(held)
    expect(asFailed(await sender.send(requestTo(silent.url, { timeoutMs: 100 }))).code).toBe('timeout')
  })

  it('idle origins make place for new ones, busy ones do not', async () => {
    const receivers = await Promise.all(
      [1, 2, 3].map(() => receiverOf((_request, response) => void response.end('ok'))),
    )
    const silent = await receiverOf(() => {})
    const sender = senderOf({ originsMax: 1 })
    for (const receiver of receivers) asResponse(await sender.send(requestTo(receiver.url)))
    const held = sender.send(requestTo(silent.url, { timeoutMs: 200 }))
    expect(asFailed(await sender.send(requestTo(receivers[0]?.url ?? ''))).code).toBe('overloaded')
    await held
    asResponse(await sender.send(requestTo(receivers[0]?.url ?? '')))
  })

  it('a connection that the receiver closes leaves nothing behind', async () => {
    const receiver = await receiverOf(
      (_request, response) => void response.writeHead(200, { connection: 'close' }).end('ok'),
    )
    const sender = senderOf({ socketsPerOriginMax: 2 })
    const results = await Promise.all(Array.from({ length: 20 }, () => sender.send(requestTo(receiver.url))))
    for (const result of results) expect(asResponse(result).bodyStart).toBe('ok')
    expect(receiver.connections()).toBe(20)
  })
})

describe('what is over', () => {
  it('a request that waited past its deadline is not sent later', async () => {
    const receiver = await receiverOf((_request, response) => void setTimeout(() => response.end('ok'), 200))
    const sender = senderOf({ socketsPerOriginMax: 1 })
    const first = sender.send(requestTo(receiver.url))
    const waiting = asFailed(await sender.send(requestTo(receiver.url, { timeoutMs: 50 })))
    expect(waiting).toMatchObject({ code: 'overloaded', detail: 'no connection was free within 50 ms' })
    asResponse(await first)
    asResponse(await sender.send(requestTo(receiver.url)))
    expect(receiver.requests()).toBe(2)
  })

  it('a connection that the receiver closed when idle is forgotten', async () => {
    const receiver = await receiverOf((_request, response) => void response.end('ok'))
    const sender = senderOf()
    await Promise.all([1, 2].map(() => sender.send(requestTo(receiver.url))))
    expect(sender.count()).toEqual({ exchanges: 0, origins: 1, connections: 2 })
    await receiver.close()
    closers.splice(0, 1)
    const giveUpAt = performance.now() + 2_000
    while (sender.count().origins > 0 && performance.now() < giveUpAt)
      await new Promise((resolve) => setImmediate(resolve))
    expect(sender.count()).toEqual({ exchanges: 0, origins: 0, connections: 0 })
  })

  it('a socket counts as reused only when an exchange went before on that very socket', async () => {
    const receiver = await startTcpReceiver((socket, index) => {
      socket.once('data', () => {
        if (index === 0) socket.end('HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok')
        else socket.resetAndDestroy()
      })
    })
    closers.push(receiver.close)
    const sender = senderOf({ socketsPerOriginMax: 1 })
    const [first, second] = await Promise.all([1, 2].map(() => sender.send(requestTo(receiver.url))))
    expect(first?.kind).toBe('response')
    expect(second).toMatchObject({ kind: 'failed', code: 'connection_reset', reusedSocket: false })
    expect(receiver.connections()).toBe(2)
  })

  it('a hint beforehand is no answer', async () => {
    const receiver = await receiverOf((_request, response) => response.writeEarlyHints({ link: '</a>; rel=preload' }))
    const result = asFailed(await senderOf().send(requestTo(receiver.url, { timeoutMs: 200 })))
    expect(result.detail).toBe('the receiver did not answer within 200 ms')
  })
})

describe('send', () => {
  it.each<[string, Record<string, string>]>([
    ['a line break', { 'x-a': 'b\r\nx-c: d' }],
    ['a bad name', { 'x a': 'b' }],
    ['a body length that is wrong', { 'content-length': '3' }],
    ['an expectation', { expect: '100-continue' }],
    ['a transfer encoding', { 'transfer-encoding': 'chunked' }],
  ])('answers, and sends nothing, for headers with %s', async (_name, headers) => {
    const receiver = await receiverOf((_request, response) => void response.end())
    const result = asFailed(await senderOf().send(requestTo(receiver.url, { headers })))
    expect(result.code).toBe('request_invalid')
    expect(receiver.requests()).toBe(0)
  })

  it.each(['', 'nonsense', 'ftp://127.0.0.1/', 'http://user:secret@127.0.0.1/', 'http://127.0.0.1:25/'])(
    'refuses the URL "%s"',
    async (url) => {
      expect(await senderOf().send(requestTo(url))).toMatchObject({ kind: 'refused', code: 'address_refused' })
    },
  )
})

describe('close', () => {
  it('waits for what is under way, takes nothing more and leaves no socket', async () => {
    const receiver = await receiverOf((request, response) => {
      void readBody(request).then(() => setTimeout(() => response.end('late'), 100))
    })
    const sender = openSender()
    const underWay = sender.send(requestTo(receiver.url))
    const closed = Promise.all([sender.close(), sender.close()])
    expect(asFailed(await sender.send(requestTo(receiver.url))).code).toBe('sender_closed')
    await closed
    expect(asResponse(await underWay).bodyStart).toBe('late')
    const giveUpAt = performance.now() + 2_000
    while (receiver.openConnections() > 0 && performance.now() < giveUpAt)
      await new Promise((resolve) => setImmediate(resolve))
    expect(receiver.openConnections()).toBe(0)
  })
})
