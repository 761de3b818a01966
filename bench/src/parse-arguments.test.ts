import { describe, expect, test } from '@jest/globals'
import { parseArguments } from './parse-arguments.js'

const known = ['single', 'bulk']

describe('parseArguments', () => {
  test('without any word, everything runs', () => {
    expect(parseArguments([], known)).toEqual({ kind: 'run', wanted: { names: [] } })
  })

  test('names and options come in any order', () => {
    expect(parseArguments(['--', '--json', 'a.json', 'bulk', '--profile=out'], known)).toEqual({
      kind: 'run',
      wanted: { names: ['bulk'], jsonFile: 'a.json', profileDir: 'out' },
    })
  })

  test('a quick run is asked for by a word without a value', () => {
    expect(parseArguments(['--quick', 'bulk'], known)).toEqual({
      kind: 'run',
      wanted: { names: ['bulk'], isQuick: true },
    })
  })

  test('help wins', () => {
    expect(parseArguments(['bulk', '--help'], known)).toEqual({ kind: 'help' })
  })

  test.each([[['--json']], [['--profile=']], [['--jsn', 'x']], [['triple']]])('%j is refused', (words) => {
    expect(parseArguments(words, known).kind).toBe('wrong')
  })
})
