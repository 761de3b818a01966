import { createHmac } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { startDemoReceiver, type DemoReceiver } from '../src/demo-receiver.js'

let receiver: DemoReceiver
beforeEach(async () => {
  receiver = await startDemoReceiver({ port: 0 })
})
afterEach(() => receiver.stop())

const SECRET = `whsec_${Buffer.from('a secret of at least 24 bytes').toString('base64')}`

function send(body: string, { signedBody = body, url = receiver.url } = {}): Promise<Response> {
  const timestamp = Math.floor(Date.now() / 1000)
  const key = Buffer.from(SECRET.slice('whsec_'.length), 'base64')
  const signature = createHmac('sha256', key).update(`msg_1.${timestamp}.${signedBody}`).digest('base64')
  return fetch(url, {
    method: 'POST',
    headers: { 'webhook-id': 'msg_1', 'webhook-timestamp': String(timestamp), 'webhook-signature': `v1,${signature}` },
    body,
  })
}

const list = async () =>
  (await (await fetch(new URL('/', receiver.url))).json()) as {
    received: { body: unknown; isSignatureValid: boolean | null; note?: string }[]
  }

describe('startDemoReceiver', () => {
  test('a webhook is taken, verified, listed and waited for', async () => {
    receiver.setSecret(SECRET)
    const arrival = receiver.waitFor(({ webhookId }) => webhookId === 'msg_1', 5_000)
    expect((await send('{"id":"e1"}')).status).toBe(200)
    expect(await arrival).toMatchObject({ isSignatureValid: true, body: { id: 'e1' } })
    expect((await list()).received).toMatchObject([{ isSignatureValid: true, body: { id: 'e1' } }])
    await expect(receiver.waitFor(() => true, 5_000)).resolves.toMatchObject({ webhookId: 'msg_1' })
  })

  test('a bad signature of the demo endpoint is taken and told', async () => {
    receiver.setSecret(SECRET)
    await send('{"id":"e1"}', { signedBody: '{"id":"e2"}', url: receiver.demoUrl })
    expect((await list()).received).toMatchObject([{ path: '/hook/demo', isSignatureValid: false }])
  })

  test('a signature by a secret that is not known is neither valid nor wrong, and a note says why', async () => {
    await send('{"id":"e1"}', { url: receiver.demoUrl })
    receiver.setSecret(SECRET)
    await send('{"id":"e2"}', { signedBody: 'of another secret' })
    await send('{"id":"e3"}')
    const verdicts = (await list()).received.map(({ isSignatureValid, note }) => [isSignatureValid, note])
    const note = expect.stringContaining('secret')
    expect(verdicts).toEqual([
      [true, undefined],
      [null, note],
      [null, note],
    ])
  })

  test('only the last hundred are kept, newest first', async () => {
    for (let count = 1; count <= 103; count += 1) await send(JSON.stringify({ count }))
    const { received } = await list()
    expect(received).toHaveLength(100)
    expect(received[0]?.body).toEqual({ count: 103 })
  })

  test('what is too big or not for it is refused', async () => {
    expect((await send('x'.repeat(1024 * 1024 + 1)).catch(() => ({ status: 413 }))).status).toBe(413)
    expect((await fetch(receiver.url)).status).toBe(404)
    expect((await send('{}', { url: `${receiver.url}ed` })).status).toBe(404)
    expect((await list()).received).toEqual([])
  })

  test('waiting ends when nothing comes', async () => {
    await expect(receiver.waitFor(() => true, 10)).resolves.toBeUndefined()
  })
})
