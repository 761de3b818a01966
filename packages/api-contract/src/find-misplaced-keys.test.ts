import { describe, expect, it } from '@jest/globals'
import { describeMisplacedKeys, findMisplacedKeys } from './find-misplaced-keys.js'

const pairsOf = (body: unknown): string[] =>
  findMisplacedKeys(body).map(({ pointer, meant }) => `${pointer} → ${meant}`)

describe('findMisplacedKeys', () => {
  it('finds options in an event and beside it, and a payload that is called data', () => {
    expect(pairsOf({ event: { name: 'a', deliverAt: 1, deliverAfter: 2, accountId: 'b', data: {} } })).toEqual([
      '/event/deliverAt → /options/deliverAt',
      '/event/deliverAfter → /options/deliverAfter',
      '/event/accountId → /options/accountId',
      '/event/data → /event/payload',
    ])
    expect(pairsOf({ event: { name: 'a' }, test: true })).toEqual(['/test → /options/test'])
  })

  it('finds them in each of many events', () => {
    expect(pairsOf({ events: [{ name: 'a' }, 5, { name: 'b', orderingKey: 'c' }] })).toEqual([
      '/events/2/orderingKey → /options/orderingKey',
    ])
  })

  it('finds nothing in what stands where it belongs, in what is null, and in what is no body', () => {
    const payload = { deliverAfter: 1, data: 2 }
    const options = { deliverAfter: 1, accountId: 'b', test: false }
    expect(pairsOf({ event: { name: 'a', payload, context: payload }, options })).toEqual([])
    expect(pairsOf({ event: { name: 'a', payload: 1, data: 2, accountId: null, color: 'green' } })).toEqual([])
    for (const body of [null, 5, [], 'event', { event: [] }, { events: {} }]) expect(pairsOf(body)).toEqual([])
  })
})

describe('describeMisplacedKeys', () => {
  it('says nothing of nothing, and names some of many', () => {
    expect(describeMisplacedKeys([])).toBeUndefined()
    const one = { pointer: '/event/deliverAfter', meant: '/options/deliverAfter' }
    const text = '/event/deliverAfter is ignored: did you mean /options/deliverAfter?'
    expect(describeMisplacedKeys([one])).toBe(text)
    const many = describeMisplacedKeys(Array.from({ length: 1_000 }, () => one))
    expect(many).toBe(`${Array.from({ length: 5 }, () => text).join(' ')} There are 995 more.`)
  })
})
