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
