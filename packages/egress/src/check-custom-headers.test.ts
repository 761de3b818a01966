import { describe, expect, it } from '@jest/globals'
import { checkCustomHeaders } from './check-custom-headers.js'

describe('checkCustomHeaders', () => {
  it('keeps what a receiver may want, with lower-case names', () => {
    const headers = {
      Authorization: 'Bearer abc',
      'X-Tenant': 'a  b\tc',
      'user-agent': 'Acme',
      'X-Empty': '',
      Cookie: 'a=b',
    }
    expect(checkCustomHeaders(headers)).toEqual({
      ok: true,
      headers: {
        authorization: 'Bearer abc',
        'x-tenant': 'a  b\tc',
        'user-agent': 'Acme',
        'x-empty': '',
        cookie: 'a=b',
      },
    })
  })

  it.each([
    'Host',
    'CONTENT-LENGTH',
    'Content-Type',
    'Content-Encoding',
    'Transfer-Encoding',
    'Connection',
    'Keep-Alive',
    'Upgrade',
    'TE',
    'Trailer',
    'Expect',
    'Proxy-Authorization',
    'Proxy-Connection',
    'Webhook-Id',
    'webhook-timestamp',
    'webhook-signature',
    'webhook-anything',
    'traceparent',
    'tracestate',
    'baggage',
    'Accept-Encoding',
    'Via',
    'Forwarded',
    'X-Forwarded-For',
    'X-Real-IP',
    'Metadata-Flavor',
    'Metadata',
    'X-aws-ec2-metadata-token',
    'X-Signalbox-Delivery',
  ])('%s is ours', (name) => {
    const verdict = checkCustomHeaders({ 'x-fine': 'yes', [name]: 'value' })
    expect(verdict).toMatchObject({ ok: false, problems: [{ pointer: `/${name}` }] })
  })

  it.each(['', 'a b', 'a:b', 'a\nb', 'ä', 'a\0', ':path', 'a(b)', '"a"'])('%j is no header name', (name) => {
    expect(checkCustomHeaders({ [name]: 'value' })).toMatchObject({
      ok: false,
      problems: [{ message: 'is not a header name' }],
    })
  })

  it.each(['a\r\nx: y', 'a\nb', 'a\0', ' a', 'a ', '\ta', 'ä', '\u2028', '\x7f', '\x1b[0m'])(
    '%j is no value',
    (value) => {
      expect(checkCustomHeaders({ 'x-a': value })).toMatchObject({ ok: false, problems: [{ pointer: '/x-a' }] })
    },
  )

  it('escapes pointers and tells all problems at once', () => {
    const verdict = checkCustomHeaders({ 'a/b~c': 'x', Host: 'x', 'x-a': '\n' })
    expect(verdict).toMatchObject({ problems: [{ pointer: '/a~1b~0c' }, { pointer: '/Host' }, { pointer: '/x-a' }] })
  })

  it('sees one name in two spellings', () => {
    expect(checkCustomHeaders({ 'X-A': '1', 'x-a': '2' })).toMatchObject({ ok: false, problems: [{ pointer: '/x-a' }] })
  })

  it('has bounds for number, name, value and sum', () => {
    const many = (count: number): Record<string, string> =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`x-${index}`, 'v']))
    expect(checkCustomHeaders(many(32)).ok).toBe(true)
    expect(checkCustomHeaders(many(33)).ok).toBe(false)
    expect(checkCustomHeaders({ ['x'.repeat(128)]: 'v' }).ok).toBe(true)
    expect(checkCustomHeaders({ ['x'.repeat(129)]: 'v' }).ok).toBe(false)
    expect(checkCustomHeaders({ a: 'v'.repeat(4_096) }).ok).toBe(true)
    expect(checkCustomHeaders({ a: 'v'.repeat(4_097) }).ok).toBe(false)
    expect(checkCustomHeaders({ a: 'v'.repeat(4_000), b: 'v'.repeat(4_000) }).ok).toBe(false)
  })
})
