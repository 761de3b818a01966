import { Writable } from 'node:stream'
import { describe, expect, test } from '@jest/globals'
import { createLogger, type LogLevel } from './create-logger.js'

function createSink(level: LogLevel = 'info') {
  const written: string[] = []
  const stream = new Writable({
    write(chunk, _encoding, done) {
      written.push(String(chunk))
      done()
    },
  })
  const lines = () => written.map((line) => JSON.parse(line) as Record<string, unknown>)
  return { logger: createLogger({ service: 'test', level, stream }), lines, text: () => written.join('') }
}

describe('createLogger', () => {
  test('a call is one JSON line with its fields', () => {
    const { logger, lines, text } = createSink()
    logger.info('event.accepted', { eventCount: 3, tags: ['a\nb'], at: new Date(0) })
    expect(text().match(/\n/g)).toHaveLength(1)
    expect(lines()[0]).toMatchObject({
      level: 'info',
      service: 'test',
      event: 'event.accepted',
      eventCount: 3,
      tags: ['a\nb'],
      at: '1970-01-01T00:00:00.000Z',
    })
  })

  test('fields can not replace what identifies the line', () => {
    const { logger, lines } = createSink()
    logger.warn('real', { event: 'fake', level: 'debug', service: 'other', time: 'never' })
    expect(lines()[0]).toMatchObject({ event: 'real', level: 'warn', service: 'test' })
    expect(lines()[0]?.['time']).not.toBe('never')
  })

  test('a level below the set one is not written', () => {
    const { logger, text } = createSink('warn')
    logger.info('quiet')
    logger.debug('quiet')
    expect(text()).toBe('')
    expect(logger.isEnabled('info')).toBe(false)
    expect(logger.isEnabled('error')).toBe(true)
  })

  test('an error is written with its code and chain of causes', () => {
    const { logger, lines } = createSink()
    const root = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })
    logger.error('failed', { error: new Error('no database', { cause: new Error('pool', { cause: root }) }) })
    expect(lines()[0]).toMatchObject({
      error: {
        message: 'no database',
        stack: expect.stringContaining('no database'),
        cause: { message: 'pool', cause: { message: 'refused', code: 'ECONNREFUSED' } },
      },
    })
  })

  test('a circle and a deep value end', () => {
    const { logger, lines } = createSink()
    const circle: Record<string, unknown> = {}
    circle['self'] = circle
    const error = new Error('self')
    error.cause = error
    logger.info('circle', { circle, error, big: 1n, run: () => 1, bytes: new Uint8Array(3) })
    expect(lines()[0]).toMatchObject({ big: '1', run: '[function]', bytes: '[3 bytes]' })
  })

  test.each([
    ['secret key', 'tr_prod_AbCdEf0123456789', 'AbCdEf'],
    ['public key', 'pk_dev_AbCdEf0123456789', 'AbCdEf'],
    ['webhook secret', 'whsec_QUJDREVG/+x=', 'QUJDREVG'],
    ['webhook signing key', 'whsk_QUJDREVG/+x=', 'QUJDREVG'],
    ['bearer token', 'Bearer AbCdEf0123456789', 'AbCdEf'],
    ['Postgres password', 'postgresql://user:AbC@dEf@host:5432/db', 'dEf'],
    ['Redis password', 'redis://:AbCdEf@host:6379', 'AbCdEf'],
  ])('a %s is never written, wherever it stands', (_name, secret, part) => {
    const { logger, text } = createSink()
    const error = new Error(`bad ${secret} here`, { cause: new Error(secret) })
    logger.child({ bound: secret }).info('line', { plain: `x ${secret} y`, nested: { list: [secret] }, error })
    expect(text()).toContain('[redacted]')
    expect(text()).not.toContain(part)
  })

  test('fields named like a secret are not written', () => {
    const { logger, text } = createSink()
    logger.info('line', { password: 'AbCdEf', headers: { Authorization: 'AbCdEf' } })
    expect(text()).not.toContain('AbCdEf')
  })

  test.each(['secrets', 'Secrets', 'signingSecrets', 'privateKey', 'set-cookie', 'X-Api-Key', 'x-auth-token'])(
    'nothing of a field %s is written',
    (name) => {
      const { logger, text } = createSink()
      logger.info('line', { target: { [name]: ['AbCdEf', { key: 'AbCdEf' }] } })
      expect(text()).not.toContain('AbCdEf')
    },
  )

  test('of headers only their names are written, in whatever form they come', () => {
    const { logger, text } = createSink()
    logger.info('line', {
      headers: { 'x-shop': 'AbCdEf', accept: ['AbCdEf'] },
      responseHeaders: [['x-shop', 'AbCdEf']],
      request: { headers: new Headers({ 'x-shop': 'AbCdEf' }), rawHeaders: ['x-shop', 'AbCdEf'] },
    })
    expect(text()).toContain('x-shop')
    expect(text()).not.toContain('AbCdEf')
  })

  test('harmless text stays as it is', () => {
    const { logger, lines } = createSink()
    logger.info('line', { text: 'str_length of https://host/path:1@x and http://127.0.0.1:80/a' })
    expect(lines()[0]?.['text']).toBe('str_length of https://host/path:1@x and http://127.0.0.1:80/a')
  })
})
