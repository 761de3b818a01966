import { expect, test } from '@jest/globals'
import type { IncomingMessage } from 'node:http'
import { readClientAddress, toCountedAddress } from './read-address.js'

test.each([
  [undefined, 'unknown'],
  ['10.0.0.1', '10.0.0.1'],
  ['::ffff:10.0.0.1', '10.0.0.1'],
  ['::1', '0:0:0:0::/64'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
  ['2001:db8::9', '2001:db8:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
])('%s is counted as %s', (address, counted) => {
  expect(toCountedAddress(address)).toBe(counted)
})

function requestFrom(peer: string, forwarded?: string): IncomingMessage {
  const headers = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }
  return { socket: { remoteAddress: peer }, headers } as unknown as IncomingMessage
}

test.each([
  [0, '10.0.0.1', '1.1.1.1', '10.0.0.1'],
  [1, '10.0.0.1', undefined, '10.0.0.1'],
  [1, '10.0.0.1', '6.6.6.6, 1.1.1.1', '1.1.1.1'],
  [2, '10.0.0.1', '6.6.6.6, 1.1.1.1, 10.0.0.2', '1.1.1.1'],
  [5, '10.0.0.1', '6.6.6.6, 1.1.1.1', '6.6.6.6'],
])('behind %i proxies, %s saying %s means %s', (trustedProxies, peer, forwarded, address) => {
  expect(readClientAddress(requestFrom(peer, forwarded), trustedProxies)).toBe(address)
})
