/** What the bench is asked to do. */
export interface BenchArguments {
  /** Names of the measures and of groups of them; empty: all. */
  readonly names: readonly string[]
  readonly jsonFile?: string
  readonly profileDir?: string
  /** Shorter rounds, and no slow measures but those that are named. */
  readonly isQuick?: boolean
}

/** Reads the command line. */
export function parseArguments(
  words: readonly string[],
  knownNames: readonly string[],
): { kind: 'run'; wanted: BenchArguments } | { kind: 'help' } | { kind: 'wrong'; message: string } {
  const names: string[] = []
  const values: { jsonFile?: string; profileDir?: string; isQuick?: boolean } = {}
  const rest = [...words]
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === '--help' || word === '-h') return { kind: 'help' }
    // What separates the arguments of package managers from those of their scripts.
    if (word === '--') continue
    const [option, inline] = word.split(/=(.*)/s)
    if (option === '--json' || option === '--profile') {
      const value = inline ?? rest.shift()
      if (value === undefined || value === '') return { kind: 'wrong', message: `${option} wants a path` }
      values[option === '--json' ? 'jsonFile' : 'profileDir'] = value
    } else if (word === '--quick') {
      values.isQuick = true
    } else if (knownNames.includes(word)) {
      names.push(word)
    } else {
      return { kind: 'wrong', message: `There is no ${word.startsWith('-') ? 'option' : 'measure'} ${word}` }
    }
  }
  return { kind: 'run', wanted: { names, ...values } }
}
