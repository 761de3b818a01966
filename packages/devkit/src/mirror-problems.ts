const LINES_MAX = 5
const WINDOW_MS = 10_000
const CHARACTERS_MAX = 300

/** Passes on what an app logs as a warning or error, in short and not too often: the log file has it all. */
export function createProblemMirror(
  say: (line: string) => void,
  now: () => number = Date.now,
): (app: string, line: string) => void {
  const windows = new Map<string, { startedAt: number; lines: number }>()
  return (app, line) => {
    const problem = readProblem(line)
    if (problem === undefined) return
    const current = windows.get(app)
    const window =
      current !== undefined && now() - current.startedAt < WINDOW_MS ? current : { startedAt: now(), lines: 0 }
    windows.set(app, window)
    window.lines += 1
    if (window.lines <= LINES_MAX) say(`${app}: ${problem}`)
    if (window.lines === LINES_MAX) say(`${app}: more of this goes to its log file only.`)
  }
}

/** The fields of the apps' log lines that are passed on. */
interface ProblemLine {
  readonly level: string
  readonly event: string
  readonly error: { readonly message?: string }
  readonly problems: readonly string[]
}

/** What is wrong by this log line; undefined when it tells of nothing wrong. */
function readProblem(line: string): string | undefined {
  if (!line.startsWith('{'))
    return /error/i.test(line) && !line.startsWith(' ') ? line.slice(0, CHARACTERS_MAX) : undefined
  if (!line.includes('"level":"error"') && !line.includes('"level":"warn"')) return undefined
  try {
    const { level, event, error, problems } = JSON.parse(line) as Partial<ProblemLine>
    const details = error?.message ?? problems?.join('; ') ?? ''
    return `${level} ${event} ${details}`.trim().slice(0, CHARACTERS_MAX)
  } catch {
    return line.slice(0, CHARACTERS_MAX)
  }
}
