import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { findJsonFault } from './find-json-fault.js'

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

const PIECES = [
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '"',
  '"a"',
  '\\',
  '\\u00e',
  'é',
  ' ',
  '\n',
  '\u0001',
  '0',
  '-',
  '1.',
  '.5',
  'e9',
  '01',
]
const broken = fc
  .tuple(fc.json({ maxDepth: 4 }), fc.nat(), fc.nat(3), fc.constantFrom('', ...PIECES, 'true', 'nul', 'false'))
  .map(([text, from, removed, put]) => {
    const at = from % (text.length + 1)
    return text.slice(0, at) + put + text.slice(at + removed)
  })

test('a text has a fault exactly when it is no JSON, and what is before the fault can go on as JSON', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        broken,
        fc.array(fc.constantFrom(...PIECES)).map((pieces) => pieces.join('')),
      ),
      (text) => {
        const fault = findJsonFault(text)
        expect(fault === undefined).toBe(isJson(text))
        if (fault === undefined) return
        expect(fault).toBeLessThanOrEqual(text.length)
        // Cut off there, nothing is wrong but that it ends.
        expect([undefined, fault]).toContain(findJsonFault(text.slice(0, fault)))
      },
    ),
    { numRuns: 3_000 },
  )
})

test('neither depth nor length exhaust the call stack', () => {
  expect(findJsonFault('['.repeat(1_000_000))).toBe(1_000_000)
  expect(findJsonFault(`["${'x'.repeat(5_000_000)}"`)).toBe(5_000_003)
})
