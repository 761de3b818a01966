import { describe, expect, it } from '@jest/globals'
import { classifyAddress, parseAddressBlock } from './address-guard.js'

const reasonOf = (ip: string): string => {
  const verdict = classifyAddress(ip)
  return verdict.allowed ? 'allowed' : verdict.reason
}

/** Each range by the address before it, its first, its last and the address after it. */
const IPV4_BOUNDARIES: readonly (readonly [string, string, string, string, string])[] = [
  ['unspecified', '0.0.0.0', '0.0.0.0', '0.255.255.255', '1.0.0.0'],
  ['private', '9.255.255.255', '10.0.0.0', '10.255.255.255', '11.0.0.0'],
  ['shared', '100.63.255.255', '100.64.0.0', '100.127.255.255', '100.128.0.0'],
  ['loopback', '126.255.255.255', '127.0.0.0', '127.255.255.255', '128.0.0.0'],
  ['link_local', '169.253.255.255', '169.254.0.0', '169.254.255.255', '169.255.0.0'],
  ['private', '172.15.255.255', '172.16.0.0', '172.31.255.255', '172.32.0.0'],
  ['reserved', '191.255.255.255', '192.0.0.0', '192.0.0.255', '192.0.1.0'],
  ['documentation', '192.0.1.255', '192.0.2.0', '192.0.2.255', '192.0.3.0'],
  ['reserved', '192.88.98.255', '192.88.99.0', '192.88.99.255', '192.88.100.0'],
  ['private', '192.167.255.255', '192.168.0.0', '192.168.255.255', '192.169.0.0'],
  ['benchmark', '198.17.255.255', '198.18.0.0', '198.19.255.255', '198.20.0.0'],
  ['documentation', '198.51.99.255', '198.51.100.0', '198.51.100.255', '198.51.101.0'],
  ['documentation', '203.0.112.255', '203.0.113.0', '203.0.113.255', '203.0.114.0'],
]

const IPV6_BOUNDARIES: readonly (readonly [string, string, string, string, string])[] = [
  [
    'documentation',
    '2001:db7:ffff:ffff:ffff:ffff:ffff:ffff',
    '2001:db8::',
    '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff',
    '2001:db9::',
  ],
  [
    'documentation',
    '3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
    '3fff::',
    '3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff',
    '3fff:1000::',
  ],
  [
    'embedded_ipv4',
    '2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
    '2002::',
    '2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
    '2003::',
  ],
]

describe('classifyAddress', () => {
  it.each(IPV4_BOUNDARIES)(
    '%s begins and ends where its registry says (%s | %s … %s | %s)',
    (reason, before, first, last, after) => {
      expect([reasonOf(first), reasonOf(last)]).toEqual([reason, reason])
      expect(reasonOf(after)).toBe('allowed')
      if (before !== first) expect(reasonOf(before)).toBe('allowed')
    },
  )

  it.each(IPV6_BOUNDARIES)(
    'IPv6 %s begins and ends where its registry says (%s | %s … %s | %s)',
    (reason, before, first, last, after) => {
      expect([reasonOf(before), reasonOf(first), reasonOf(last), reasonOf(after)]).toEqual([
        'allowed',
        reason,
        reason,
        'allowed',
      ])
    },
  )

  it.each([
    ['224.0.0.0', 'multicast'],
    ['239.255.255.255', 'multicast'],
    ['240.0.0.0', 'reserved'],
    ['255.255.255.254', 'reserved'],
    ['255.255.255.255', 'broadcast'],
    ['223.255.255.255', 'allowed'],
    ['169.254.169.254', 'metadata'],
    ['169.254.170.2', 'metadata'],
    ['100.100.100.200', 'metadata'],
    ['192.0.0.192', 'metadata'],
    ['168.63.129.16', 'metadata'],
    ['168.63.129.15', 'allowed'],
    ['168.63.129.17', 'allowed'],
    ['fd00:ec2::254', 'metadata'],
    ['fd20:ce::254', 'metadata'],
    ['::', 'unspecified'],
    ['::1', 'loopback'],
    ['0:0:0:0:0:0:0:1', 'loopback'],
    ['::2', 'embedded_ipv4'],
    ['fc00::', 'unique_local'],
    ['fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 'unique_local'],
    ['fe80::', 'link_local'],
    ['febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 'link_local'],
    ['fec0::', 'site_local'],
    ['feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 'site_local'],
    ['ff00::', 'multicast'],
    ['ff02::1', 'multicast'],
    ['ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 'multicast'],
    ['100::', 'discard'],
    ['100::ffff:ffff:ffff:ffff', 'discard'],
    ['100:0:0:1::', 'reserved'],
    ['2001:2::', 'benchmark'],
    ['2001:2:1::', 'reserved'],
    ['2001:10::', 'reserved'],
    ['2001:20::', 'reserved'],
    ['2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff', 'reserved'],
    ['2001:200::', 'allowed'],
    ['1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 'reserved'],
    ['2000::', 'allowed'],
    ['4000::', 'reserved'],
    ['5f00::', 'reserved'],
    ['2606:4700:4700::1111', 'allowed'],
    ['2001:4860:4860::8888', 'allowed'],
  ])('%s is %s', (ip, reason) => {
    expect(reasonOf(ip)).toBe(reason)
  })

  it.each([
    ['mapped', '::ffff:127.0.0.1'],
    ['mapped', '::ffff:7f00:1'],
    ['mapped and public', '::ffff:8.8.8.8'],
    ['compatible', '::127.0.0.1'],
    ['compatible', '::7f00:1'],
    ['translated', '::ffff:0:127.0.0.1'],
    ['local-use NAT64', '64:ff9b:1::7f00:1'],
    ['local-use NAT64, last', '64:ff9b:1:ffff:ffff:ffff:ffff:ffff'],
    ['6to4', '2002:7f00:1::'],
    ['6to4', '2002:a9fe:a9fe::1'],
    ['Teredo', '2001:0:4136:e378:8000:63bf:3fff:fdd2'],
    ['ISATAP', '2606:4700::5efe:7f00:1'],
    ['ISATAP', '2606:4700::200:5efe:a00:1'],
  ])('an IPv4 address hidden in IPv6 is refused: %s %s', (_form, ip) => {
    expect(reasonOf(ip)).toBe('embedded_ipv4')
  })

  it.each([
    ['64:ff9b::8.8.8.8', 'allowed'],
    ['64:ff9b::808:808', 'allowed'],
    ['64:ff9b::127.0.0.1', 'loopback'],
    ['64:ff9b::a9fe:a9fe', 'metadata'],
    ['64:ff9b::a00:1', 'private'],
    ['64:ff9b::ffff:ffff', 'broadcast'],
    ['64:ff9b::1:0:0', 'reserved'],
  ])('what NAT64 stands for decides: %s is %s', (ip, reason) => {
    expect(reasonOf(ip)).toBe(reason)
  })

  it.each(['fe80::1%eth0', '2606:4700::1%1', '8.8.8.8%lo'])('%s is refused for its zone', (ip) => {
    expect(reasonOf(ip)).toBe('zone_id')
  })

  it.each([
    '',
    'localhost',
    '127.1',
    '0177.0.0.1',
    '0x7f.0.0.1',
    '2130706433',
    '8.8.8.8.',
    ' 8.8.8.8',
    '[::1]',
    '1.2.3.256',
    '1::2::3',
    '8.8.8.8/32',
  ])('what is not an address in its plain form is none: "%s"', (text) => {
    expect(reasonOf(text)).toBe('not_an_address')
  })
})

describe('parseAddressBlock', () => {
  it.each(['10.0.0.0/8', '10.1.2.3', '10.1.2.3/32', '0.0.0.0/0', '::/0', 'fd00::/8', '::1', '10.0.0.0/7'])(
    '%s is a block',
    (text) => {
      expect(parseAddressBlock(text)).toBeDefined()
    },
  )

  it.each([
    '10.1.0.0/8',
    '10.0.0.0/33',
    '::1/64',
    '::/129',
    '10.0.0/8',
    '10.0.0.0/',
    'fe80::1%eth0',
    '010.0.0.0/8',
    '10.0.0.0/-1',
    '11.0.0.0/7',
    '',
  ])('%s is none', (text) => {
    expect(parseAddressBlock(text)).toBeUndefined()
  })

  it('never holds an address of the other family, nor a mapped one', () => {
    const everyIpv4 = parseAddressBlock('0.0.0.0/0')
    expect(everyIpv4?.contains('10.0.0.1')).toBe(true)
    expect(everyIpv4?.contains('::ffff:10.0.0.1')).toBe(false)
    expect(everyIpv4?.contains('::1')).toBe(false)
    expect(parseAddressBlock('::/0')?.contains('10.0.0.1')).toBe(false)
  })
})
