import { describe, expect, test } from '@jest/globals'
import { createBodyBudget } from './create-body-budget.js'

describe('createBodyBudget', () => {
  test('gives out no more than there is, over all requests', () => {
    const budget = createBodyBudget(100)
    const first = budget.open(() => undefined)
    const second = budget.open(() => undefined)
    expect([first(60), second(40), second(1), first(1)]).toEqual([true, true, false, false])
    expect(budget.countTaken()).toBe(100)
  })

  test('takes back all of a request when it ends', () => {
    const budget = createBodyBudget(100)
    const ends: (() => void)[] = []
    const take = budget.open((giveBack) => ends.push(giveBack))
    expect([take(30), take(30), take(50)]).toEqual([true, true, false])
    expect(ends).toHaveLength(1)
    for (const end of ends) end()
    expect(budget.countTaken()).toBe(0)
    expect(budget.open(() => undefined)(100)).toBe(true)
  })
})
