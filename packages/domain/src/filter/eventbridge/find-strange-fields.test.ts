import { expect, test } from '@jest/globals'
import type { JsonObject } from '../../json.js'
import { buildEnvelope } from '../../matcher/index.js'
import { ENVELOPE_FIELDS, findStrangeFields } from './find-strange-fields.js'

test('the fields of an event are those of its envelope', () => {
  const envelope = buildEnvelope({
    name: 'n',
    source: 's',
    externalAccountId: null,
    payloadType: 'JSON',
    readPayload: () => ({}),
    readContext: () => ({}),
    readEnvelope: () => ({ eventId: 'e', timestamp: new Date(0), accountIdentifier: null }),
  })
  expect([...ENVELOPE_FIELDS].toSorted()).toEqual(Object.keys(envelope).toSorted())
})

test('a pattern of fields that events have has no strange one, whatever is in its detail', () => {
  const all = Object.fromEntries([...ENVELOPE_FIELDS].map((field) => [field, ['x']]))
  expect(findStrangeFields(all)).toEqual([])
  expect(findStrangeFields({ detail: { total: [1], $or: [{ a: [1] }, { b: [1] }] } })).toEqual([])
})

test.each([
  ['total', 'detail.total'],
  ['detailType', 'detail-type'],
  ['DetailType', 'detail-type'],
  ['detail_type', 'detail-type'],
  ['Detail', 'detail'],
  ['Source', 'source'],
  ['name', 'detail-type'],
  ['payload', 'detail'],
  ['timestamp', 'time'],
  ['accountId', 'account'],
  ['__proto__', 'detail.__proto__'],
])('instead of %s %s is meant', (field, meant) => {
  expect(findStrangeFields(JSON.parse(`{"source": ["a"], "${field}": ["x"]}`))).toEqual([{ field, meant }])
})

test('those of alternatives are found too, each once', () => {
  const pattern: JsonObject = {
    $or: [{ total: [1] }, { source: ['a'], $or: [{ total: [2] }, { vat: [1] }] }],
    total: [3],
  }
  expect(findStrangeFields(pattern).map(({ field }) => field)).toEqual(['total', 'vat'])
})
