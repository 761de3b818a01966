import { describe, expect, test } from '@jest/globals'
import { dateInputSchema, PROBLEMS, sendEventBodySchema, summarizeErrors, toProblem, toProblemErrors } from './index.js'

describe('problems', () => {
  test.each(Object.entries(PROBLEMS))('%s has a status from 400 on and a title', (code, { status, title }) => {
    expect(status).toBeGreaterThanOrEqual(400)
    expect(title.length).toBeGreaterThan(3)
    const problem = toProblem(code as keyof typeof PROBLEMS, { detail: 'd', instance: 'i' })
    expect(problem).toEqual({
      type: `urn:signalbox:problem:${code}`,
      title,
      status,
      detail: 'd',
      instance: 'i',
      code,
      error: 'd',
    })
  })

  test('point to what is wrong, escaped as RFC 6901 says', () => {
    const result = sendEventBodySchema.safeParse({ event: { name: 5 }, options: { deliverAfter: 'x' } })
    const errors = toProblemErrors(result.error?.issues ?? [], ['a/b', 0])
    expect(errors.map((error) => error.pointer)).toEqual(['/a~1b/0/event/name', '/a~1b/0/options/deliverAfter'])
    expect(summarizeErrors(errors)).toMatch(/^\/a~1b\/0\/event\/name: .+ \(and 1 more\)$/)
  })
})

describe('dates', () => {
  test.each([
    ['2026-01-01T00:00:00Z', '2026-01-01T00:00:00.000Z'],
    ['0001-01-01', '0001-01-01T00:00:00.000Z'],
    ['9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59.999Z'],
    [0, '1970-01-01T00:00:00.000Z'],
  ])('%s is taken', (given, expected) => {
    expect(dateInputSchema.parse(given).toISOString()).toBe(expected)
  })

  test.each([[null], [true], ['x'], [''], [Number.NaN], [9e15], ['+010000-01-01T00:00:00Z'], [[]], [{}]])(
    '%j is refused',
    (given) => {
      expect(dateInputSchema.safeParse(given).success).toBe(false)
    },
  )
})
