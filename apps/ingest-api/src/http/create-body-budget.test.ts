import { EventEmitter } from 'node:events'
import { describe, expect, test } from '@jest/globals'
import { createBodyBudget } from './create-body-budget.js'

/** Opens accounts of responses that close when the test says so. */
function create(bytesMax: number) {
  const budget = createBodyBudget(bytesMax)
  const responses: EventEmitter[] = []
  const open = (owner: string) => {
    const response = new EventEmitter()
    responses.push(response)
    return budget.open(owner, response)
  }
  return { budget, open, responses }
}

describe('createBodyBudget', () => {
  test('gives out no more than there is, over all requests', () => {
    const { budget, open } = create(100)
    const [first, second, third] = [open('a'), open('b'), open('c')]
    expect([first(50), second(40), third(20), third(10), second(1)]).toEqual([true, true, false, true, false])
    expect(budget.countTaken()).toBe(100)
  })

  test('gives one owner half at most, over all of its requests', () => {
    const { open, responses } = create(100)
    const [first, second, other] = [open('a'), open('a'), open('b')]
    expect([first(30), second(20), second(1), first(1), other(50)]).toEqual([true, true, false, false, true])
    responses[0]?.emit('close')
    expect([second(30), second(1)]).toEqual([true, false])
  })

  test('takes back all of a request when it ends', () => {
    const { budget, open, responses } = create(100)
    const take = open('a')
    expect([take(25), take(25), take(1)]).toEqual([true, true, false])
    expect(responses[0]?.listenerCount('close')).toBe(1)
    responses[0]?.emit('close')
    expect(budget.countTaken()).toBe(0)
    expect(open('a')(50)).toBe(true)
  })
})
