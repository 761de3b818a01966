import { describe, expect, test } from '@jest/globals'
import { parseStartArguments } from './parse-start-arguments.js'

describe('parseStartArguments', () => {
  test('without anything the defaults hold', () => {
    expect(parseStartArguments([], {})).toEqual({
      isHelpWanted: false,
      isReset: false,
      hasDemo: true,
      port: 3030,
      dataDir: '.signalbox',
    })
  })

  test('the environment replaces a default, the command line replaces both', () => {
    const environment = { PORT: '4000', SIGNALBOX_DATA_DIR: '/tmp/a' }
    expect(parseStartArguments([], environment)).toMatchObject({ port: 4000, dataDir: '/tmp/a' })
    const argv = ['--port', '5000', '--data-dir=/tmp/b', '--reset', '--no-demo']
    expect(parseStartArguments(argv, environment)).toMatchObject({
      port: 5000,
      dataDir: '/tmp/b',
      isReset: true,
      hasDemo: false,
    })
  })

  test.each([
    [{ npm_config_reset: 'true' }, [], 'npm start -- --reset'],
    [{ npm_config_port: 'true' }, ['5000'], 'npm start -- --port N'],
    [{ npm_config_port: '5000', npm_config_demo: '' }, [], 'npm start -- --port N --no-demo'],
    [{ npm_config_data_dir: 'true' }, ['/tmp/a', '--reset'], 'npm start -- --data-dir D'],
  ])('what npm took for itself (%j) is told, and not acted on', (swallowed, argv, advice) => {
    const environment = { ...swallowed, npm_lifecycle_event: 'start' }
    expect(() => parseStartArguments(argv, environment)).toThrow(advice)
    // What npm is configured with is nothing to a start without it.
    expect(() => parseStartArguments([], swallowed)).not.toThrow()
  })

  test('what is said rightly counts, whatever npm is configured with', () => {
    const environment = { npm_lifecycle_event: 'start', npm_config_port: '3000' }
    expect(parseStartArguments(['--port', '5000'], environment)).toMatchObject({ port: 5000 })
    expect(parseStartArguments(['--port=5000'], environment)).toMatchObject({ port: 5000 })
  })

  test.each([
    [['--port', '0']],
    [['--port', '70000']],
    [['--port', 'x']],
    [['--port', '-1']],
    [['--data-dir=']],
    [['--unknown']],
    [['x']],
  ])('%j is refused', (argv) => {
    expect(() => parseStartArguments(argv, {})).toThrow(/./)
  })
})
