import { isIP } from 'node:net'
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { isInIpRange, parseIpRange } from './ip-range.js'

function isIn(address: string, range: string): boolean {
  const parsed = parseIpRange(range)
  if (parsed === undefined) throw new Error(`${range} is no range`)
  return isInIpRange(address, parsed)
}

describe('isInIpRange', () => {
  test.each([
    ['10.1.2.3', '10.0.0.0/8', true],
    ['11.0.0.0', '10.0.0.0/8', false],
    ['10.1.2.3', '10.9.9.9/8', true],
    ['192.168.1.127', '192.168.1.0/25', true],
    ['192.168.1.128', '192.168.1.0/25', false],
    ['1.2.3.4', '1.2.3.4/32', true],
    ['1.2.3.5', '1.2.3.4/32', false],
    ['255.255.255.255', '0.0.0.0/0', true],
    ['2001:db8::1', '2001:db8::/32', true],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::/32', true],
    ['2001:db9::1', '2001:db8::/32', false],
    ['::1', '::1/128', true],
    ['::2', '::1/128', false],
    ['fe80::7fff', 'fe80::/113', true],
    ['fe80::8000', 'fe80::/113', false],
    ['::ffff:10.0.0.1', '10.0.0.0/8', true],
    ['::ffff:0a00:0001', '10.0.0.0/8', true],
    ['::ffff:11.0.0.1', '10.0.0.0/8', false],
    ['::10.0.0.1', '10.0.0.0/8', false],
    ['10.0.0.1', '::/0', false],
    ['::ffff:10.0.0.1', '::/0', true],
    ['1.2.3.4', '::ffff:0:0/96', false],
  ])('%s in %s: %s', (address, range, expected) => {
    expect(isIn(address, range)).toBe(expected)
  })

  test.each([
    '',
    '10.0.0',
    '10.0.0.0.0',
    '10.0.0.256',
    '010.0.0.1',
    '0x0a.0.0.1',
    '10.0.0.1/32',
    ' 10.0.0.1',
    '1e1.0.0.1',
    'localhost',
    '::g',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7::8:9',
    '12345::',
    ':1',
    '1:',
    '1:2:3:4:5:6:7:1.2.3.4',
    '1.2.3.4::',
    'fe80::1%eth0',
  ])('%j is no address', (text) => {
    expect(isIn(text, '0.0.0.0/0')).toBe(false)
    expect(isIn(text, '::/0')).toBe(false)
  })

  test.each([
    '',
    '10.0.0.0',
    '10.0.0.0/',
    '10.0.0.0/33',
    '::/129',
    '10.0.0.0/08',
    '10.0.0.0/-1',
    '10.0/8',
    '/8',
    'x/8',
  ])('%j is no range', (text) => expect(parseIpRange(text)).toBeUndefined())

  test('reads the texts that Node reads as an address', () => {
    const group = fc.constantFrom('0', '1', 'ffff', '00ab', '', '12345', '1.2.3.4', '255.0.0.256')
    const text = fc.oneof(
      fc.array(group, { minLength: 1, maxLength: 9 }).map((groups) => groups.join(':')),
      fc.array(group, { maxLength: 6 }).map((groups) => `${groups.join(':')}::1`),
      fc.ipV4(),
      fc.ipV6(),
    )
    fc.assert(
      fc.property(text, (someText) => {
        expect(isIn(someText, '::/0') || isIn(someText, '0.0.0.0/0')).toBe(isIP(someText) !== 0)
      }),
      { numRuns: 5_000 },
    )
  })
})
