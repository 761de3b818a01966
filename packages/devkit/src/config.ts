/** The environment as a process sees it. */
export type Environment = Readonly<Record<string, string | undefined>>

/** The environment of this process: what the development tools read, unless they are given another. */
export function readEnvironment(): Environment {
  return process.env
}
