import { describe, expect, it } from '@jest/globals'
import { keepBodyStart, keepHeaders, MASK } from './keep-response.js'

describe('keepHeaders', () => {
  it.each([
    'set-cookie',
    'cookie',
    'authorization',
    'proxy-authorization',
    'x-api-key',
    'x-csrf-token',
    'x-amz-security-token',
    'client-secret',
    'x-session-id',
    'x-password',
  ])('%s is masked', (name) => {
    expect(keepHeaders({ [name]: 'value' })).toEqual({ [name]: MASK })
  })

  it.each(['content-type', 'retry-after', 'date', 'keep-alive', 'server', 'www-authenticate', 'x-request-id'])(
    '%s is kept',
    (name) => {
      expect(keepHeaders({ [name]: 'value' })).toEqual({ [name]: 'value' })
    },
  )

  it('bounds number and size, joins what came twice, and keeps nothing that a database refuses', () => {
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`x-${index}`, 'v']))
    expect(Object.keys(keepHeaders(many))).toHaveLength(64)
    expect(keepHeaders({ a: 'v'.repeat(5_000) })['a']).toHaveLength(1_024)
    expect(keepHeaders({ ['n'.repeat(129)]: 'v' })).toEqual({})
    expect(keepHeaders({ a: ['1', '2'] })).toEqual({ a: '1, 2' })
    expect(keepHeaders({ a: 'x\0y\x01z\tä' })).toEqual({ a: 'x\uFFFDy\uFFFDz\tä' })
  })
})

describe('keepBodyStart', () => {
  it('joins chunks, even within a character', () => {
    const bytes = Buffer.from('größer')
    expect(keepBodyStart([bytes.subarray(0, 3), bytes.subarray(3)], 100)).toBe('größer')
    expect(keepBodyStart([], 100)).toBe('')
  })

  it('leaves out a character that the bound cuts in two', () => {
    expect(keepBodyStart([Buffer.from('a€')], 3)).toBe('a')
    expect(keepBodyStart([Buffer.from('abcdef')], 3)).toBe('abc')
  })

  it('replaces NUL and bytes that are not UTF-8', () => {
    expect(keepBodyStart([Buffer.from('a\0b')], 100)).toBe('a\uFFFDb')
    expect(keepBodyStart([Buffer.from([0x61, 0xff, 0xc0, 0x80, 0x62])], 100)).toBe('a\uFFFD\uFFFD\uFFFDb')
    const surrogate = keepBodyStart([Buffer.from([0xed, 0xa0, 0x80])], 100)
    expect(surrogate).toBe('\uFFFD\uFFFD\uFFFD')
  })
})
