import { describe, expect, test } from '@jest/globals'
import type { Json } from './json.js'
import { readRequestPayload, RequestPayloadError } from './request-payload.js'

function readBody(contentType: Json, body: Json): Json {
  const read = readRequestPayload('REQUEST', { headers: { 'content-type': contentType }, body })
  return (read as { body: Json }).body
}

describe('readRequestPayload', () => {
  test('a JSON payload is seen as it is', () => {
    for (const payload of [null, 1, 'x', [1], { body: '{}' }]) expect(readRequestPayload('JSON', payload)).toBe(payload)
  })

  test('a request is seen as url, method, headers and body; what is absent is null', () => {
    const payload = { url: '/x', method: 'PUT', headers: { a: 'b' }, body: 'text', more: 1 }
    const { more: _, ...seen } = payload
    expect(readRequestPayload('REQUEST', payload)).toEqual(seen)
    expect(readRequestPayload('REQUEST', {})).toEqual({ url: null, method: null, headers: null, body: null })
  })

  test('a body by the name of rawBody is one too', () => {
    const headers = { 'CONTENT-TYPE': 'application/json' }
    expect(readRequestPayload('REQUEST', { headers, rawBody: '[1]' })).toMatchObject({ body: [1] })
    expect(readRequestPayload('REQUEST', { headers, rawBody: '[1]', body: '[2]' })).toMatchObject({ body: [2] })
  })

  test.each([
    ['application/json', true],
    ['application/json; charset=utf-8', true],
    ['Application/JSON', true],
    ['application/cloudevents+json', true],
    ['application/vnd.api+json;v=1', true],
    ['application/json-seq', false],
    ['application/jsonl', false],
    ['text/plain', false],
    ['text/json', false],
    ['', false],
    [5, false],
  ])('a body of the type %j is parsed: %s', (contentType, isParsed) => {
    expect(readBody(contentType, '{"a":1}')).toEqual(isParsed ? { a: 1 } : '{"a":1}')
  })

  test('a body that is no text is taken as it is', () => {
    expect(readBody('application/json', { a: 1 })).toEqual({ a: 1 })
  })

  test.each<[string, Json]>([
    ['no object', 'x'],
    ['an array', []],
    ['null', null],
    ['a body that does not parse', { headers: { 'content-type': 'application/json' }, body: '{' }],
    ['an empty body that says it is JSON', { headers: { 'content-type': 'application/json' }, body: '' }],
  ])('%s is refused with a reason', (_, payload) => {
    expect(() => readRequestPayload('REQUEST', payload)).toThrow(RequestPayloadError)
  })

  test('a hostile key stays data', () => {
    const body = readBody('application/json', '{"__proto__":{"polluted":true}}')
    expect(Object.keys(body as object)).toEqual(['__proto__'])
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  })
})
