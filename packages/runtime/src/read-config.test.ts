import { describe, expect, test } from '@jest/globals'
import { z } from 'zod'
import { healthConfigShape, runtimeConfigShape } from './config-shapes.js'
import { ConfigError, describeConfig, readConfig } from './read-config.js'

const schema = z.object({
  ...runtimeConfigShape,
  ...healthConfigShape,
  DATABASE_URL: z.url().describe('The database.'),
  HOSTS: z
    .string()
    .default('a,b')
    .transform((text) => text.split(','))
    .describe('Hosts.'),
  NOTE: z.string().optional().describe('A note.'),
})

describe('readConfig', () => {
  test('defaults are filled in, numbers are read and unknown variables are left out', () => {
    const config = readConfig(schema, { DATABASE_URL: 'postgres://x/y', HEALTH_PORT: '81', PATH: '/bin' })
    expect(config).toEqual({
      LOG_LEVEL: 'info',
      SHUTDOWN_GRACE_MS: 25_000,
      HEALTH_PORT: 81,
      HEALTH_HOST: '0.0.0.0',
      DATABASE_URL: 'postgres://x/y',
      HOSTS: ['a', 'b'],
    })
  })

  test('an empty variable counts as not set', () => {
    expect(readConfig(schema, { DATABASE_URL: 'postgres://x/y', HEALTH_PORT: '' }).HEALTH_PORT).toBe(9090)
  })

  test('every bad variable is named at once, none with its value', () => {
    const error = catchError(() => readConfig(schema, { HEALTH_PORT: 'hunter2', LOG_LEVEL: 'hunter3' }))
    expect(error).toBeInstanceOf(ConfigError)
    const { problems, message } = error as ConfigError
    expect(problems).toHaveLength(3)
    expect(problems.find((problem) => problem.startsWith('DATABASE_URL'))).toBe(
      'DATABASE_URL is not set. The database.',
    )
    expect(message).toContain('HEALTH_PORT: ')
    expect(message).toContain('LOG_LEVEL: ')
    expect(message).not.toContain('hunter')
  })
})

test('describeConfig finds meaning and default however the field is wrapped', () => {
  expect(describeConfig(schema).filter(({ name }) => ['DATABASE_URL', 'HOSTS', 'NOTE'].includes(name))).toEqual([
    { name: 'DATABASE_URL', required: true, default: undefined, meaning: 'The database.' },
    { name: 'HOSTS', required: false, default: 'a,b', meaning: 'Hosts.' },
    { name: 'NOTE', required: false, default: undefined, meaning: 'A note.' },
  ])
  expect(describeConfig(schema).every(({ meaning }) => meaning.length > 0)).toBe(true)
})

function catchError(run: () => unknown): unknown {
  try {
    run()
    return undefined
  } catch (error) {
    return error
  }
}
