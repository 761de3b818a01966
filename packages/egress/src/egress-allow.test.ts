import { describe, expect, it } from '@jest/globals'
import { checkDialTarget, type EgressAllow, parseEgressAllow } from './egress-allow.js'

const allowOf = (text: string): EgressAllow => {
  const parsed = parseEgressAllow(text)
  if (!parsed.ok) throw new Error(parsed.message)
  return parsed.allow
}

const isOpen = (text: string, [hostname, address, port]: [string, string, number]): boolean =>
  checkDialTarget({ hostname, address, port }, allowOf(text)).allowed

describe('parseEgressAllow', () => {
  it.each([
    '',
    ' , ',
    '10.0.0.0/8',
    '127.0.0.1, ::1',
    '127.0.0.1:25',
    '10.0.0.0/8:587',
    '[::1]:8080',
    '[fd00::/8]:587',
    '[fd00::/8]',
    'receiver',
    'Hooks.Internal.Example:8443',
    '.internal.example',
    '.internal.example:25',
  ])('"%s" can be read', (text) => {
    expect(parseEgressAllow(text)).toMatchObject({ ok: true })
  })

  it.each([
    '*',
    '*.internal.example',
    'https://hooks.internal.example',
    'hooks.internal.example/path',
    'user@host',
    '.',
    'a..b',
    '-a.example',
    '10.0.0.1/8',
    '10.0.0.0/40',
    '10.0.0',
    '127.1',
    '0x7f.1',
    '2130706433',
    '999.1.1.1',
    'host:0',
    'host:65536',
    'host:',
    ':80',
    '[::1',
    '[hooks.example]:80',
    'fe80::1%eth0',
    'a b',
  ])('"%s" is refused, and named in the message', (text) => {
    const parsed = parseEgressAllow(`10.0.0.0/8,${text}`)
    expect(parsed).toMatchObject({ ok: false, message: expect.stringContaining(`"${text}"`) })
  })

  it('has a bound', () => {
    expect(parseEgressAllow('h.example,'.repeat(256))).toMatchObject({ ok: true })
    expect(parseEgressAllow('h.example,'.repeat(257))).toMatchObject({ ok: false })
  })
})

describe('the allow-list opens exactly what it names', () => {
  it.each<[string, [string, string, number], boolean]>([
    ['', ['h.example', '8.8.8.8', 443], true],
    ['', ['h.example', '10.0.0.1', 443], false],
    ['10.0.0.0/8', ['h.example', '10.0.0.1', 443], true],
    ['10.0.0.0/8', ['h.example', '11.0.0.1', 443], true],
    ['10.0.0.0/8', ['h.example', '172.16.0.1', 443], false],
    ['10.0.0.0/8', ['h.example', '::ffff:10.0.0.1', 443], false],
    ['10.0.0.0/8', ['h.example', '64:ff9b::a00:1', 443], false],
    ['127.0.0.1', ['127.0.0.1', '127.0.0.1', 4567], true],
    ['127.0.0.1', ['127.0.0.1', '127.0.0.2', 4567], false],
    ['127.0.0.1:4567', ['127.0.0.1', '127.0.0.1', 4568], false],
    ['h.internal.example', ['h.internal.example', '10.0.0.1', 80], true],
    ['h.internal.example', ['a.h.internal.example', '10.0.0.1', 80], false],
    ['h.internal.example', ['xh.internal.example', '10.0.0.1', 80], false],
    ['.internal.example', ['h.internal.example', '10.0.0.1', 80], true],
    ['.internal.example', ['a.b.internal.example', '10.0.0.1', 80], true],
    ['.internal.example', ['internal.example', '10.0.0.1', 80], false],
    ['.internal.example', ['evilinternal.example', '10.0.0.1', 80], false],
    ['.internal.example', ['internal.example.evil.example', '10.0.0.1', 80], false],
    ['h.example:8443', ['h.example', '10.0.0.1', 8443], true],
    ['h.example:8443', ['h.example', '10.0.0.1', 443], false],
  ])('"%s": %j is open: %s', (text, target, open) => {
    expect(isOpen(text, target)).toBe(open)
  })

  it.each<[string, [string, string, number], boolean]>([
    ['', ['h.example', '8.8.8.8', 80], true],
    ['', ['h.example', '8.8.8.8', 1024], true],
    ['', ['h.example', '8.8.8.8', 65535], true],
    ['', ['h.example', '8.8.8.8', 1023], false],
    ['', ['h.example', '8.8.8.8', 25], false],
    ['', ['h.example', '8.8.8.8', 0], false],
    ['', ['h.example', '8.8.8.8', 65536], false],
    ['h.example', ['h.example', '8.8.8.8', 25], false],
    ['h.example:25', ['h.example', '8.8.8.8', 25], true],
    ['h.example:25', ['other.example', '8.8.8.8', 25], false],
    ['10.0.0.0/8', ['h.example', '10.0.0.1', 25], false],
    ['10.0.0.0/8:25', ['h.example', '10.0.0.1', 25], true],
    ['10.0.0.0/8:25', ['h.example', '8.8.8.8', 25], false],
  ])('a privileged port needs an entry with that port. "%s": %j is open: %s', (text, target, open) => {
    expect(isOpen(text, target)).toBe(open)
  })

  it.each<[string, [string, string, number], boolean]>([
    ['h.example', ['h.example', '169.254.169.254', 80], false],
    ['h.example', ['h.example', '169.254.1.1', 80], false],
    ['h.example', ['h.example', '0.0.0.0', 80], false],
    ['h.example', ['h.example', '::ffff:10.0.0.1', 80], false],
    ['169.254.0.0/16', ['h.example', '169.254.1.1', 80], true],
    ['169.254.0.0/16', ['h.example', '169.254.169.254', 80], false],
    ['0.0.0.0/0', ['h.example', '169.254.169.254', 80], false],
    ['0.0.0.0/0', ['h.example', '10.0.0.1', 80], true],
    ['100.64.0.0/10', ['h.example', '100.100.100.200', 80], false],
    ['169.254.169.254', ['h.example', '169.254.169.254', 80], true],
  ])('a metadata service is opened by its very address only. "%s": %j is open: %s', (text, target, open) => {
    expect(isOpen(text, target)).toBe(open)
  })
})
