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
    const stuck = Array.from({ length: 6 }, () => sender.send(requestTo(silent.url, { timeoutMs: 500 })))
    expect(asResponse(await sender.send(requestTo(healthy.url))).durationMs).toBeLessThan(400)
    for (const result of await Promise.all(stuck)) expect(asFailed(result).code).toBe('timeout')
    expect(silent.requests()).toBeLessThanOrEqual(2)
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
