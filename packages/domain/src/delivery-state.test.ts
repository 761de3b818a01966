import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import {
  DELIVERY_STATES,
  DELIVERY_TRANSITIONS,
  type DeliveryState,
  isEnded,
  isTransitionAllowed,
} from './delivery-state.js'

/** Written out by hand, so that a change of the table has to be meant. */
const ALLOWED = new Set([
  'pending in_flight',
  'pending skipped',
  'pending cancelled',
  'in_flight succeeded',
  'in_flight pending',
  'in_flight dead',
  'in_flight skipped',
  'in_flight cancelled',
  'succeeded pending',
  'dead pending',
  'skipped pending',
  'cancelled pending',
])

const pairs = DELIVERY_STATES.flatMap((from) => DELIVERY_STATES.map((to): [DeliveryState, DeliveryState] => [from, to]))

describe('the table of delivery states', () => {
  test('has every state once', () => {
    expect(new Set(DELIVERY_STATES).size).toBe(DELIVERY_STATES.length)
    expect(Object.keys(DELIVERY_TRANSITIONS).toSorted()).toEqual(DELIVERY_STATES.toSorted())
  })

  test.each(pairs)('%s → %s is allowed only if it is meant to be', (from, to) => {
    expect(isTransitionAllowed(from, to)).toBe(ALLOWED.has(`${from} ${to}`))
  })

  test('an ended delivery can only be replayed, and every other one can end', () => {
    for (const state of DELIVERY_STATES) {
      if (isEnded(state)) expect(DELIVERY_TRANSITIONS[state]).toEqual(['pending'])
      else expect(DELIVERY_TRANSITIONS[state].some(isEnded)).toBe(true)
    }
  })
})

describe('docs/delivery-states.md', () => {
  const page = readFileSync(join(__dirname, '../../../docs/delivery-states.md'), 'utf8')

  test('draws the moves of the table, and no others', () => {
    const drawn = [...page.matchAll(/^ {2}(\w+) --> (\w+)(?::.*)?$/gm)].map(([, from, to]) => `${from} ${to}`)
    expect(drawn.toSorted()).toEqual([...ALLOWED].toSorted())
    expect(drawn).toHaveLength(ALLOWED.size)
    expect(page).toMatch(/^ {2}\[\*\] --> pending$/m)
  })

  test('explains every state and every reason', () => {
    for (const state of DELIVERY_STATES) expect(page).toMatch(new RegExp(`^\\| \`${state}\` +\\|`, 'm'))
    const source = readFileSync(join(__dirname, 'delivery-state.ts'), 'utf8')
    const [, afterName = ''] = source.split('EndReason =')
    const [union = ''] = afterName.split('\n\n')
    const reasons = [...union.matchAll(/'(\w+)'/g)]
    expect(reasons.length).toBeGreaterThan(3)
    for (const [, reason] of reasons) expect(page).toMatch(new RegExp(`^\\| \`${reason}\` +\\|`, 'm'))
  })
})
