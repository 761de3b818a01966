import { describe, expect, test } from '@jest/globals'
import { parseJsonBody } from './parse-json-body.js'

const detailOf = (text: string | Buffer): unknown => {
  const parsed = parseJsonBody(Buffer.from(text), 64)
  return 'problem' in parsed ? [parsed.problem, parsed.detail] : undefined
}

describe('a body that is no JSON', () => {
  test.each([
    ['{"event":{"name":"paid",}}', 'The body is not valid JSON, at position 24'],
    ["{'event':1}", 'The body is not valid JSON, at position 1'],
    ['{"a":1} x', 'The body is not valid JSON, at position 8'],
    ['name=paid', 'The body is not valid JSON, at position 1'],
    ['{"a":tru}', 'The body is not valid JSON, at position 8'],
    ['{"a":01}', 'The body is not valid JSON, at position 6'],
    ['["a\nb"]', 'The body is not valid JSON, at position 3'],
    ['["\\x"]', 'The body is not valid JSON, at position 3'],
    ['{"a":[1', 'The body is not valid JSON: it ends early, at position 7'],
    ['\ufeff{}', 'The body is not valid JSON, at position 0'],
    ['', 'The body is empty'],
    [' \r\n\t', 'The body is empty'],
  ])('%j is told where', (text, detail) => {
    expect(detailOf(text)).toEqual(['malformed_json', detail])
  })

  test('or that it is not UTF-8', () => {
    expect(detailOf(Buffer.from([0x22, 0xff, 0x22]))).toEqual(['malformed_json', 'The body is not UTF-8'])
  })

  test('one that is JSON is parsed', () => {
    expect(parseJsonBody(Buffer.from(' {"é": [1e3, "\\u00e9"]} '), 64)).toMatchObject({ value: { é: [1000, 'é'] } })
  })
})
