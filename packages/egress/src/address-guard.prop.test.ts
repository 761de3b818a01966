import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { classifyAddress, parseAddressBlock } from './address-guard.js'

const SEED = 20_261_101
const RUNS = { seed: SEED, numRuns: 5_000, verbose: 1 }

/** The same ranges as numbers, read off the registries a second time: first address and prefix length. */
const IPV4_SPECIAL: readonly (readonly [number, number])[] = [
  [0x00000000, 8],
  [0x0a000000, 8],
  [0x64400000, 10],
  [0x7f000000, 8],
  [0xa83f8110, 32],
  [0xa9fe0000, 16],
  [0xac100000, 12],
  [0xc0000000, 24],
  [0xc0000200, 24],
  [0xc0586300, 24],
  [0xc0a80000, 16],
  [0xc6120000, 15],
  [0xc6336400, 24],
  [0xcb007100, 24],
  [0xe0000000, 4],
  [0xf0000000, 4],
]

const isSpecialIpv4 = (address: number): boolean =>
  IPV4_SPECIAL.some(([first, bits]) => Math.floor(address / 2 ** (32 - bits)) === Math.floor(first / 2 ** (32 - bits)))

const toIpv4 = (address: number): string => [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join('.')

/** Anywhere, or within a few addresses of a boundary, where mistakes live. */
const anyIpv4 = fc.oneof(
  fc.integer({ min: 0, max: 0xffffffff }),
  fc
    .tuple(fc.constantFrom(...IPV4_SPECIAL), fc.boolean(), fc.integer({ min: -3, max: 3 }))
    .map(([[first, bits], atEnd, offset]) => (first + (atEnd ? 2 ** (32 - bits) : 0) + offset + 2 ** 32) % 2 ** 32),
)

const IPV6_SPECIAL: readonly (readonly [string, number])[] = [
  ['20010000', 23],
  ['20010db8', 32],
  ['2002', 16],
  ['3fff', 20],
]

const toBits = (hex: string): bigint => BigInt(`0x${hex.padEnd(32, '0')}`)

const isPublicIpv6 = (address: bigint): boolean => {
  const startsWith = (hex: string, bits: number): boolean =>
    address >> BigInt(128 - bits) === toBits(hex) >> BigInt(128 - bits)
  if (startsWith('0064ff9b', 96)) return !isSpecialIpv4(Number(address & 0xffffffffn))
  const isatap = (address >> 32n) & 0xfdffffffn
  return startsWith('2000', 3) && isatap !== 0x5efen && !IPV6_SPECIAL.some(([hex, bits]) => startsWith(hex, bits))
}

const toIpv6 = (address: bigint): string => {
  const hex = address.toString(16).padStart(32, '0')
  return (hex.match(/.{4}/g) ?? []).join(':')
}

const anyIpv6 = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }),
  fc.bigInt({ min: 0n, max: 2n ** 125n - 1n }).map((low) => (1n << 125n) | low),
  anyIpv4.map((low) => toBits('0064ff9b') | BigInt(low)),
  anyIpv4.map((low) => (0xffffn << 32n) | BigInt(low)),
  fc
    .tuple(fc.constantFrom(...IPV6_SPECIAL), fc.boolean(), fc.bigInt({ min: -3n, max: 3n }))
    .map(([[hex, bits], atEnd, offset]) => {
      const shift = BigInt(128 - bits)
      return ((toBits(hex) >> shift) << shift) + (atEnd ? 1n << shift : 0n) + offset
    }),
)

describe(`classifyAddress, seed ${SEED}`, () => {
  it('agrees with arithmetic on every IPv4 address', () => {
    fc.assert(
      fc.property(anyIpv4, (address) => {
        expect(classifyAddress(toIpv4(address)).allowed).toBe(!isSpecialIpv4(address))
      }),
      RUNS,
    )
  })

  it('agrees with arithmetic on every IPv6 address', () => {
    fc.assert(
      fc.property(anyIpv6, (address) => {
        expect([toIpv6(address), classifyAddress(toIpv6(address)).allowed]).toEqual([
          toIpv6(address),
          isPublicIpv6(address),
        ])
      }),
      RUNS,
    )
  })

  it('never throws and never allows what is no address', () => {
    const nearAddress = fc.string({ unit: fc.constantFrom(...'0123456789abcdefx.:[]%/ '), maxLength: 45 })
    fc.assert(
      fc.property(nearAddress, (text) => {
        const verdict = classifyAddress(text)
        if (verdict.allowed) expect(text).toMatch(/^(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f:.]+)$/)
      }),
      RUNS,
    )
  })

  it('a block holds exactly the addresses that share its prefix', () => {
    const block = fc.tuple(anyIpv4, fc.integer({ min: 0, max: 32 })).map(([address, bits]) => {
      const size = 2 ** (32 - bits)
      return { first: Math.floor(address / size) * size, size, bits }
    })
    fc.assert(
      fc.property(block, fc.integer({ min: 0, max: 0xffffffff }), ({ first, size, bits }, other) => {
        const parsed = parseAddressBlock(`${toIpv4(first)}/${bits}`)
        expect(parsed?.contains(toIpv4(first))).toBe(true)
        expect(parsed?.contains(toIpv4(first + size - 1))).toBe(true)
        expect(parsed?.contains(toIpv4(other))).toBe(other >= first && other < first + size)
      }),
      RUNS,
    )
  })
})
