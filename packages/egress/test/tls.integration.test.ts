import { once } from 'node:events'
import { connect, type TLSSocket } from 'node:tls'
import { afterEach, describe, expect, it } from '@jest/globals'
import { TEST_AUTHORITY, TEST_EXPIRED_CERTIFICATE, TEST_SERVER_CERTIFICATE, TEST_SERVER_KEY } from './certificates.js'
import { type LocalReceiver, startReceiver, startTcpReceiver } from './local-receiver.js'
import { asFailed, asResponse, openSender, requestTo } from './open-sender.js'
import { setRealEnvironment } from './real-environment.js'

const closers: (() => Promise<void>)[] = []

const receiverOf = async (cert: string): Promise<LocalReceiver> => {
  const receiver = await startReceiver(
    (request, response) => {
      const { servername } = request.socket as TLSSocket & { servername: string | false }
      response.end(`${request.headers.host} ${servername}`)
    },
    { key: TEST_SERVER_KEY, cert },
  )
  closers.push(receiver.close)
  return receiver
}

const senderOf = (extraCertificates: readonly string[]): ReturnType<typeof openSender> => {
  const sender = openSender({ extraCertificates, lookup: () => Promise.resolve(['127.0.0.1']) })
  closers.push(sender.close)
  return sender
}

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

describe('TLS', () => {
  it('keeps the host name for Host, for the server name and for the certificate, whatever address is dialled', async () => {
    const receiver = await receiverOf(TEST_SERVER_CERTIFICATE)
    const sender = senderOf([TEST_AUTHORITY])
    const result = asResponse(await sender.send(requestTo(`https://hooks.example:${receiver.port}/`)))
    expect(result.bodyStart).toBe(`hooks.example:${receiver.port} hooks.example`)
    expect(result.address).toBe('127.0.0.1')
  })

  it('knows certificates for addresses', async () => {
    const receiver = await receiverOf(TEST_SERVER_CERTIFICATE)
    const result = asResponse(await senderOf([TEST_AUTHORITY]).send(requestTo(receiver.url)))
    expect(result.bodyStart).toBe(`127.0.0.1:${receiver.port} false`)
  })

  it.each<[string, string, string, readonly string[], RegExp]>([
    [
      'an authority nobody trusts',
      'hooks.example',
      TEST_SERVER_CERTIFICATE,
      [],
      /unable to verify|self-signed|local issuer/,
    ],
    ['a certificate for another host', 'other.example', TEST_SERVER_CERTIFICATE, [TEST_AUTHORITY], /altnames/],
    ['a certificate that ran out', 'hooks.example', TEST_EXPIRED_CERTIFICATE, [TEST_AUTHORITY], /expired/],
  ])('fails for %s, before the request is sent', async (_name, host, certificate, trusted, detail) => {
    const receiver = await receiverOf(certificate)
    const result = asFailed(await senderOf(trusted).send(requestTo(`https://${host}:${receiver.port}/`)))
    expect(result.code).toBe('tls_failed')
    expect(result.detail).toMatch(detail)
    expect(receiver.requests()).toBe(0)
  })

  it('can not be told by the environment to trust everyone', async () => {
    const receiver = await receiverOf(TEST_SERVER_CERTIFICATE)
    await setRealEnvironment({ NODE_TLS_REJECT_UNAUTHORIZED: '0' })
    try {
      const unguarded = connect({ port: receiver.port, host: '127.0.0.1' })
      await once(unguarded, 'secureConnect')
      unguarded.destroy()
      const result = asFailed(await senderOf([]).send(requestTo(`https://hooks.example:${receiver.port}/`)))
      expect(result.code).toBe('tls_failed')
    } finally {
      await setRealEnvironment({ NODE_TLS_REJECT_UNAUTHORIZED: undefined })
    }
  })

  it('fails with a server that speaks none', async () => {
    const receiver = await startReceiver((_request, response) => void response.end())
    closers.push(receiver.close)
    const result = asFailed(await senderOf([]).send(requestTo(`https://127.0.0.1:${receiver.port}/`)))
    expect(result.code).toBe('tls_failed')
  })

  it('counts the handshake towards the connect timeout', async () => {
    const receiver = await startTcpReceiver(() => {})
    closers.push(receiver.close)
    const sender = openSender({ connectTimeoutMs: 200 })
    closers.push(sender.close)
    const result = asFailed(await sender.send(requestTo(receiver.url.replace('http', 'https'))))
    expect(result.code).toBe('connect_timeout')
    expect(result.durationMs).toBeLessThan(1_500)
  })
})
