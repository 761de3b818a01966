import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from '@jest/globals'
import { createHostLookup, createSender, type HostLookup, parseEgressAllow } from '../src/index.js'
import { createGuardedConnector } from '../src/guarded-connector.js'
import { createSecureContext } from 'node:tls'
import { type LocalReceiver, startReceiver } from './local-receiver.js'
import { asFailed, asResponse, openSender, requestTo } from './open-sender.js'

const closers: (() => Promise<void>)[] = []

const receiverOf = async (): Promise<LocalReceiver> => {
  const receiver = await startReceiver((_request, response) => void response.end('reached'))
  closers.push(receiver.close)
  return receiver
}

const senderOf = (...parameters: Parameters<typeof openSender>): ReturnType<typeof openSender> => {
  const sender = openSender(...parameters)
  closers.push(sender.close)
  return sender
}

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

describe('without an allow-list nothing of this machine is reached', () => {
  it.each(['127.0.0.1', 'localhost', '127.1', '0x7f000001', '2130706433', '0', '[::1]', '[::ffff:127.0.0.1]', '[::]'])(
    'by http://%s',
    async (host) => {
      const receiver = await receiverOf()
      const result = await senderOf({ egressAllow: '' }).send(requestTo(`http://${host}:${receiver.port}/`))
      expect(result).toMatchObject({ kind: 'refused', code: 'address_refused' })
      expect(receiver.connections()).toBe(0)
    },
  )

  it.each([
    [['127.0.0.1']],
    [['::ffff:127.0.0.1']],
    [['::1']],
    [['8.8.8.8', '127.0.0.1']],
    [['127.0.0.1', '8.8.8.8']],
    [['2606:4700::1', '127.0.0.1']],
    [['0.0.0.0']],
  ])('by a name that answers %j', async (addresses) => {
    const receiver = await receiverOf()
    const sender = senderOf({ egressAllow: '', lookup: () => Promise.resolve(addresses) })
    const result = await sender.send(requestTo(`http://hooks.example:${receiver.port}/`))
    expect(result).toMatchObject({ kind: 'refused', code: 'address_refused' })
    expect(receiver.connections()).toBe(0)
  })
})

describe('the allow-list', () => {
  it('opens the address that it names, not its neighbour', async () => {
    const receiver = await receiverOf()
    const sender = senderOf({ egressAllow: '127.0.0.1', lookup: () => Promise.resolve(['127.0.0.1']) })
    expect(asResponse(await sender.send(requestTo(receiver.url))).bodyStart).toBe('reached')
    expect(asResponse(await sender.send(requestTo(`http://hooks.example:${receiver.port}/`))).address).toBe('127.0.0.1')
    expect(await sender.send(requestTo(`http://127.0.0.2:${receiver.port}/`))).toMatchObject({ kind: 'refused' })
  })

  it('opens a name wherever it leads', async () => {
    const receiver = await receiverOf()
    const sender = senderOf({ egressAllow: 'hooks.internal', lookup: () => Promise.resolve(['127.0.0.1']) })
    expect(asResponse(await sender.send(requestTo(`http://hooks.internal:${receiver.port}/`))).status).toBe(200)
    expect(await sender.send(requestTo(receiver.url))).toMatchObject({ kind: 'refused' })
    expect(await sender.send(requestTo(`http://other.example:${receiver.port}/`))).toMatchObject({ kind: 'refused' })
  })

  it('opens a name of the hosts file only where the operator named it', async () => {
    const receiver = await receiverOf()
    const url = `http://localhost:${receiver.port}/`
    expect(asResponse(await senderOf({ egressAllow: 'localhost' }).send(requestTo(url))).status).toBe(200)
    expect(asResponse(await senderOf({ egressAllow: '127.0.0.0/8,::1' }).send(requestTo(url))).status).toBe(200)
    expect(await senderOf({ egressAllow: '10.0.0.0/8' }).send(requestTo(url))).toMatchObject({ kind: 'refused' })
  })
})

describe('DNS rebinding', () => {
  it('fails: the second answer of a name is checked like the first', async () => {
    const receiver = await receiverOf()
    const answers = [['127.0.0.1'], ['127.0.0.2']]
    const lookup: HostLookup = () => Promise.resolve(answers.shift() ?? [])
    const sender = senderOf({ egressAllow: '127.0.0.1', lookup })
    const url = `http://rebinding.example:${receiver.port}/`
    expect(asResponse(await sender.send(requestTo(url))).status).toBe(200)
    await receiver.close()
    closers.splice(0, 1)
    expect(await sender.send(requestTo(url))).toMatchObject({ kind: 'refused', code: 'address_refused' })
    expect(answers).toEqual([])
  })

  it('fails: the address dialled is the one checked, and the name is asked once per connection', async () => {
    const receiver = await receiverOf()
    let asked = 0
    const lookup: HostLookup = () => {
      asked += 1
      return Promise.resolve(asked === 1 ? ['127.0.0.1'] : ['10.0.0.1'])
    }
    const sender = senderOf({ egressAllow: '127.0.0.1', lookup })
    const url = `http://rebinding.example:${receiver.port}/`
    for (let count = 0; count < 3; count += 1)
      expect(asResponse(await sender.send(requestTo(url))).address).toBe('127.0.0.1')
    expect([asked, receiver.connections()]).toEqual([1, 1])
  })

  it('fails against a real name server that answers public first and loopback then', async () => {
    const receiver = await receiverOf()
    const zone: Zone = {
      'public.example': ['8.8.8.8'],
      'mixed.example': ['8.8.8.8', '127.0.0.1'],
      'inside.example': ['127.0.0.1'],
    }
    const server = await startNameServer(zone)
    const lookup = createHostLookup({ allow: openedBy('127.0.0.2'), dnsServers: [server] })
    expect(await lookup('public.example')).toEqual(['8.8.8.8'])
    const sender = senderOf({ egressAllow: '127.0.0.2', lookup })
    for (const host of ['mixed.example', 'inside.example']) {
      expect(await sender.send(requestTo(`http://${host}:${receiver.port}/`))).toMatchObject({ kind: 'refused' })
    }
    zone['public.example'] = ['127.0.0.1']
    expect(await sender.send(requestTo(`http://public.example:${receiver.port}/`))).toMatchObject({ kind: 'refused' })
    expect(receiver.connections()).toBe(0)
    zone['public.example'] = ['127.0.0.2']
    asFailedOrReached(await sender.send(requestTo(`http://public.example:${receiver.port}/`)))
  })
})

describe('the name server', () => {
  it('is asked for the name as it stands, and its silence is a failure of the DNS', async () => {
    const server = await startNameServer({ 'known.example': ['127.0.0.1'] })
    const allow = openedBy('127.0.0.1')
    const sender = createSender({ allow, lookup: createHostLookup({ allow, dnsServers: [server] }) })
    closers.push(sender.close)
    const result = asFailed(await sender.send(requestTo('http://unknown.example:4567/')))
    expect(result).toMatchObject({ code: 'dns_failed', detail: 'unknown.example could not be resolved' })
  })

  it('that never answers holds a request no longer than the connect timeout', async () => {
    const sender = senderOf({ lookup: () => new Promise(() => {}), connectTimeoutMs: 200 })
    const result = asFailed(await sender.send(requestTo('http://hooks.example/')))
    expect(result.code).toBe('connect_timeout')
    expect(result.durationMs).toBeLessThan(1_500)
  })

  it('is asked once for all sockets that open at once', async () => {
    const receiver = await receiverOf()
    let asked = 0
    const lookup: HostLookup = async () => {
      asked += 1
      await new Promise((resolve) => setImmediate(resolve))
      return ['127.0.0.1']
    }
    const sender = senderOf({ lookup })
    const url = `http://hooks.example:${receiver.port}/`
    const results = await Promise.all(Array.from({ length: 10 }, () => sender.send(requestTo(url))))
    for (const result of results) asResponse(result)
    expect([asked, receiver.connections()]).toEqual([1, 10])
  })

  it('may answer an address that is down beside one that is up', async () => {
    const receiver = await receiverOf()
    const sender = senderOf({ egressAllow: '127.0.0.0/8', lookup: () => Promise.resolve(['127.0.0.9', '127.0.0.1']) })
    expect(asResponse(await sender.send(requestTo(`http://hooks.example:${receiver.port}/`))).address).toBe('127.0.0.1')
  })
})

describe('the connector alone', () => {
  it.each(['127.0.0.1', '::1', '169.254.169.254'])(
    'checks the literal %s, for which a socket asks no lookup',
    async (hostname) => {
      const guard = { allow: openedBy(''), lookup: (): Promise<string[]> => Promise.resolve(['8.8.8.8']) }
      const connect = createGuardedConnector(
        { hostname, port: 4567 },
        { guard, connectTimeoutMs: 500, secureContext: createSecureContext() },
      )
      const error = await new Promise((resolve) => {
        connect({ hostname, protocol: 'http:', port: '4567' }, (...[refusal]) => resolve(refusal))
      })
      expect(error).toMatchObject({ code: 'EGRESS_REFUSED' })
    },
  )
})

function openedBy(text: string): Parameters<typeof createHostLookup>[0]['allow'] {
  const parsed = parseEgressAllow(text)
  if (!parsed.ok) throw new Error(parsed.message)
  return parsed.allow
}

/** 127.0.0.2 is this machine too on Linux, though no receiver listens there. */
function asFailedOrReached(result: Parameters<typeof asFailed>[0]): void {
  expect(asFailed(result).code).toBe('connection_refused')
}

type Zone = Record<string, readonly string[]>

/** The least of a DNS server, RFC 1035: A records of a few names over UDP, and "no such name" for the rest. */
async function startNameServer(zone: Zone): Promise<string> {
  const socket: Socket = createSocket('udp4')
  socket.on('message', (query, client) => {
    const labels: string[] = []
    let at = 12
    for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
      labels.push(query.toString('latin1', at + 1, at + 1 + length))
      at += 1 + length
    }
    const isA = query.readUInt16BE(at + 1) === 1
    const known = zone[labels.join('.').toLowerCase()]
    const answers = isA ? (known ?? []) : []
    const head = Buffer.from(query.subarray(0, 12))
    head.writeUInt16BE(known === undefined ? 0x8183 : 0x8180, 2)
    head.writeUInt16BE(answers.length, 6)
    head.fill(0, 8, 12)
    const records = answers.map((address) =>
      Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ...address.split('.').map(Number)]),
    )
    socket.send(Buffer.concat([head, query.subarray(12, at + 5), ...records]), client.port, client.address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  closers.push(async () => {
    socket.close()
    await once(socket, 'close')
  })
  return `127.0.0.1:${(socket.address() as AddressInfo).port}`
}
