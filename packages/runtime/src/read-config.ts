import type { z } from 'zod'

/** The environment as a process sees it. */
export type Environment = Readonly<Record<string, string | undefined>>

/** A configuration that can't be used. `problems` has one plain sentence per bad variable. */
export class ConfigError extends Error {
  readonly code = 'CONFIG_INVALID'
  readonly problems: readonly string[]

  constructor(problems: readonly string[], options?: ErrorOptions) {
    super(`The configuration is not usable:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`, options)
    this.name = 'ConfigError'
    this.problems = problems
  }
}

/** One variable as the documentation lists it. `default` is undefined when the variable is required or simply unset. */
export interface ConfigVariable {
  readonly name: string
  readonly required: boolean
  readonly default: string | undefined
  readonly meaning: string
}

/**
 * Reads the variables that `schema` names from `environment`.
 * A variable set to the empty string counts as not set, as compose files and shells write it.
 * @throws ConfigError that lists every bad variable at once, without repeating any value (it may be a secret).
 */
export function readConfig<Schema extends z.ZodObject>(schema: Schema, environment: Environment): z.output<Schema> {
  const given: Record<string, string> = {}
  for (const name of Object.keys(schema.shape)) {
    const value = environment[name]
    if (value !== undefined && value !== '') given[name] = value
  }
  const result = schema.safeParse(given)
  if (result.success) return result.data
  const problems = result.error.issues.map((issue) => {
    const name = String(issue.path[0] ?? 'configuration')
    const isMissing = name in schema.shape && given[name] === undefined
    return isMissing ? `${name} is not set. ${meaningOf(schema, name)}`.trim() : `${name}: ${issue.message}`
  })
  throw new ConfigError([...new Set(problems)])
}

/** Lists the variables of a schema for the documentation, from its descriptions and defaults. */
export function describeConfig(schema: z.ZodObject): ConfigVariable[] {
  return Object.entries(schema.shape).map(([name, field]) => {
    const facts = readFacts(field as z.ZodType)
    return {
      name,
      required: !facts.isOptional,
      default: facts.default === undefined ? undefined : writeDefault(facts.default),
      meaning: facts.meaning ?? '',
    }
  })
}

interface Facts {
  meaning: string | undefined
  default: unknown
  isOptional: boolean
}

/** The parts of zod's definitions that tell how a field is wrapped. */
interface Wrapper {
  readonly type: string
  readonly innerType?: z.ZodType
  readonly in?: z.ZodType
  readonly defaultValue?: unknown
}

const WRAPPERS_MAX = 16

function readFacts(field: z.ZodType): Facts {
  const facts: Facts = { meaning: undefined, default: undefined, isOptional: false }
  let current: z.ZodType | undefined = field
  for (let depth = 0; current !== undefined && depth < WRAPPERS_MAX; depth += 1) {
    facts.meaning ??= current.description
    const definition = current.def as unknown as Wrapper
    if (definition.type === 'optional') facts.isOptional = true
    if (definition.type === 'default' || definition.type === 'prefault') {
      facts.isOptional = true
      facts.default ??= definition.defaultValue
    }
    current = definition.innerType ?? definition.in
  }
  return facts
}

function writeDefault(value: unknown): string {
  if (Array.isArray(value)) return value.join(',')
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function meaningOf(schema: z.ZodObject, name: string): string {
  const field = schema.shape[name] as z.ZodType | undefined
  return field === undefined ? '' : (readFacts(field).meaning ?? '')
}
