import { execFileSync } from 'node:child_process'
import { describe, expect, test } from '@jest/globals'

/** Matches events until few rules would have code of their own, and tells what was found and whether there is code. */
const PROGRAM = `
import { createEventMatcher, createMatcherShapes, parseFilter } from '@signalbox/domain'
const shapes = createMatcherShapes()
const matcher = createEventMatcher([], { shapes, tuning: { sievedAfter: 1, codedAfter: 1 } })
const read = (filter) => parseFilter(filter).filter
const rule = { eventNames: ['order.paid'], source: 'shop', filterLanguage: 'signalbox', contextFilter: null, externalAccountId: null, expiresAt: null, once: false }
for (const id of ['a', 'b', 'c']) matcher.add({ ...rule, id, payloadFilter: read({ key: [id, 'all'] }) })
const before = shapes.bytes
const match = (key) => matcher.match({
  name: 'order.paid', source: 'shop', externalAccountId: null, payloadType: 'JSON',
  readPayload: () => ({ key }), readContext: () => ({}), readEnvelope: () => ({}),
}, new Date()).dispatcherIds
const found = ['a', 'all', 'b', 'none', 'all'].map(match)
console.log(JSON.stringify({ found, isCoded: shapes.bytes > before }))
`

describe('a process that may not make code from strings', () => {
  test.each([
    [[], true],
    [['--disallow-code-generation-from-strings'], false],
  ])('with %j matches all the same; has code of its own: %s', (flags, isCoded) => {
    const output = execFileSync(process.execPath, [...flags, '--input-type=module', '--eval', PROGRAM], {
      cwd: __dirname,
      encoding: 'utf8',
    })
    expect(JSON.parse(output)).toEqual({ found: [['a'], ['a', 'b', 'c'], ['b'], [], ['a', 'b', 'c']], isCoded })
  })
})
