import { describe, expect, it } from '@jest/globals'
import { checkTargetUrl, TARGET_URL_CHARACTERS_MAX } from './check-target-url.js'
import { type EgressAllow, parseEgressAllow } from './egress-allow.js'

const allowOf = (text: string): EgressAllow => {
  const parsed = parseEgressAllow(text)
  if (!parsed.ok) throw new Error(parsed.message)
  return parsed.allow
}

const NOTHING = allowOf('')
const LOOPBACK = allowOf('127.0.0.0/8,::1')

const outcomeOf = (text: string, allow = NOTHING): string => {
  const verdict = checkTargetUrl(text, allow)
  return verdict.ok ? verdict.url.href : verdict.code
}

describe('checkTargetUrl', () => {
  it.each([
    ['https://example.com', 'https://example.com/'],
    ['http://example.com/', 'http://example.com/'],
    ['HTTPS://Example.COM/Hook?a=b%20c', 'https://example.com/Hook?a=b%20c'],
    ['https://example.com:443/', 'https://example.com/'],
    ['https://example.com:80/', 'https://example.com:80/'],
    ['https://example.com:8443/hook', 'https://example.com:8443/hook'],
    ['https://example.com:65535/', 'https://example.com:65535/'],
    ['https://example.com/#part', 'https://example.com/'],
    ['https://bücher.example/ü', 'https://xn--bcher-kva.example/%C3%BC'],
    ['https://example.com/a@b', 'https://example.com/a@b'],
    ['https://8.8.8.8/', 'https://8.8.8.8/'],
    ['https://[2606:4700:4700::1111]:8443/', 'https://[2606:4700:4700::1111]:8443/'],
    ['https://[2606:4700:4700:0:0:0:0:1111]/', 'https://[2606:4700:4700::1111]/'],
    ['https://my_host.example.com/', 'https://my_host.example.com/'],
    ['https://10.example.com/', 'https://10.example.com/'],
  ])('%s is a target, kept as %s', (text, href) => {
    expect(outcomeOf(text)).toBe(href)
  })

  it.each([
    '',
    'example.com',
    '/hook',
    '//example.com/',
    'https:example.com',
    'https:/example.com',
    'https:///example.com',
    'ftp://example.com/',
    'file:///etc/passwd',
    'gopher://example.com/',
    'ws://example.com/',
    'data:text/plain,x',
    'javascript:alert(1)',
    'https://',
    'https://:443/',
    'https://user@example.com/',
    'https://user:secret@example.com/',
    'https://@example.com/',
    'https://:@example.com/',
    'https://example.com@127.0.0.1/',
    'https://127.0.0.1\\@example.com/',
    'https://example.com\\.evil.example/',
    ' https://example.com/',
    'https://example.com/ ',
    'https://exa\tmple.com/',
    'https://exa\nmple.com/',
    'https://example.com/\r\nx: y',
    'https://example.com/\0',
    'https://exam\u00adple.com/',
    'https://example.com:65536/',
    'https://example.com:x/',
    'https://exa mple.com/',
    'https://a..example.com/',
    'https://[::1/',
    'https://[fe80::1%25eth0]/',
    'https://1.2.3.4.5/',
    'https://256.1.1.1/',
    `https://${'a'.repeat(64)}.example/`,
    `https://${'a.'.repeat(127)}example/`,
    `https://example.com/${'a'.repeat(TARGET_URL_CHARACTERS_MAX)}`,
  ])('%j is not a URL that we take', (text) => {
    expect(outcomeOf(text)).toBe('url_invalid')
  })

  it.each([0, 1, 21, 22, 25, 53, 79, 81, 110, 442, 444, 445, 587, 1023])('port %d is refused', (port) => {
    expect(outcomeOf(`https://example.com:${port}/`)).toBe('address_refused')
  })

  it.each([
    'localhost',
    'LOCALHOST',
    'api.localhost',
    'localhost.localdomain',
    'metadata.google.internal',
    'metadata',
    'instance-data.ec2.internal',
    'kubernetes.default.svc.cluster.local',
    'printer.local',
    'router.lan',
    'nas.home.arpa',
    'postgres',
    'redis',
    'intranet',
    'localhost.',
    'example.com.',
    'ｌｏｃａｌｈｏｓｔ',
    'local%68ost',
  ])('the host %s is refused', (host) => {
    expect(outcomeOf(`http://${host}/`)).toBe('address_refused')
  })
})

/** All of these reach 127.0.0.1, 169.254.169.254, ::1 or 8.8.8.8 when handed to a socket. */
const LITERALS = [
  '127.0.0.1',
  '127.255.255.255',
  '127.1',
  '127.0.1',
  '2130706433',
  '0x7f000001',
  '0x7f.0.0.1',
  '0x7F.0x0.0x0.0x1',
  '017700000001',
  '0177.0.0.1',
  '0177.0.0.01',
  '00000177.0.0.1',
  '0x7f.1',
  '127.0.0.1.',
  '127.1.',
  '0',
  '0.0.0.0',
  '0x0',
  '127.0.0.%31',
  '%31%32%37.0.0.1',
  '１２７.０.０.１',
  '127。0。0。1',
  '①②⑦.0.0.1',
  '169.254.169.254',
  '2852039166',
  '0xa9fea9fe',
  '0251.0376.0251.0376',
  '169.16689662',
  '[::1]',
  '[0:0:0:0:0:0:0:1]',
  '[::]',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
  '[0:0:0:0:0:ffff:127.0.0.1]',
  '[::127.0.0.1]',
  '[64:ff9b::127.0.0.1]',
  '[64:ff9b::7f00:1]',
  '[64:ff9b:1::7f00:1]',
  '[2002:7f00:1::]',
  '[2001:0:7f00:1::]',
  '[fe80::1]',
  '[fd00:ec2::254]',
  '[::ffff:169.254.169.254]',
]

describe('literal addresses', () => {
  it.each(LITERALS)('%s is refused in http, in https and with a port', (host) => {
    expect(outcomeOf(`http://${host}/`)).toBe('address_refused')
    expect(outcomeOf(`https://${host}:8443/`)).toBe('address_refused')
  })

  it.each(['134744072', '0x08080808', '010.8.8.8', '8.8.2056', '8.8.8.8.', '[::ffff:8.8.8.8]', '８.8.8.8'])(
    '%s is refused although it is public: receivers are not written so',
    (host) => {
      expect(outcomeOf(`https://${host}/`)).toBe('address_refused')
    },
  )

  it('an allow-list opens the plain form only', () => {
    expect(outcomeOf('http://127.0.0.1:4567/hook', LOOPBACK)).toBe('http://127.0.0.1:4567/hook')
    expect(outcomeOf('http://[::1]:4567/hook', LOOPBACK)).toBe('http://[::1]:4567/hook')
    const stillRefused = LITERALS.filter(
      (host) => !/^127\.(?:0\.0\.1|255\.255\.255)$|^\[(?:::|(?:0:){7})1\]$/.test(host),
    )
    expect(stillRefused.filter((host) => outcomeOf(`http://${host}/`, LOOPBACK) !== 'address_refused')).toEqual([])
  })
})

describe('the allow-list', () => {
  it('opens localhost with the address that it stands for', () => {
    expect(outcomeOf('http://localhost:4567/', LOOPBACK)).toBe('http://localhost:4567/')
    expect(outcomeOf('http://localhost:4567/', allowOf('10.0.0.0/8'))).toBe('address_refused')
  })

  it('opens a privileged port where it names that port', () => {
    expect(outcomeOf('http://127.0.0.1:25/', LOOPBACK)).toBe('address_refused')
    expect(outcomeOf('http://127.0.0.1:25/', allowOf('127.0.0.1:25'))).toBe('http://127.0.0.1:25/')
    expect(outcomeOf('http://h.example:25/', allowOf('h.example:25'))).toBe('http://h.example:25/')
    expect(outcomeOf('http://h.example:26/', allowOf('h.example:25'))).toBe('address_refused')
  })

  it('opens internal names, one by one or below a suffix', () => {
    expect(outcomeOf('http://receiver:8080/', allowOf('receiver'))).toBe('http://receiver:8080/')
    expect(outcomeOf('http://a.cluster.local/', allowOf('.cluster.local'))).toBe('http://a.cluster.local/')
    expect(outcomeOf('http://metadata.google.internal/', allowOf('.cluster.local'))).toBe('address_refused')
  })

  it('never opens credentials or other schemes', () => {
    expect(outcomeOf('http://user:secret@127.0.0.1:4567/', LOOPBACK)).toBe('url_invalid')
    expect(outcomeOf('ftp://127.0.0.1:4567/', LOOPBACK)).toBe('url_invalid')
  })
})
