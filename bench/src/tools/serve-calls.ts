/** What a tool process can do, by name: one argument, one result, both JSON. */
export type Methods = Readonly<Record<string, (argument: never) => unknown>>

/** A call as it crosses the channel. */
export interface Call {
  readonly id: number
  readonly method: string
  readonly argument: unknown
}

/** What a call came to. */
export type Reply = { readonly id: number; readonly result: unknown } | { readonly id: number; readonly error: string }

/** Serves the calls of the process that started this one, and ends with it. */
export function serveCalls(methods: Methods): void {
  process.on('message', (call: Call) => {
    void answer(methods, call).then((reply) => process.send?.(reply))
  })
  process.on('disconnect', () => process.exit(0))
}

async function answer(methods: Methods, { id, method, argument }: Call): Promise<Reply> {
  try {
    const run = methods[method] as ((argument: unknown) => unknown) | undefined
    if (run === undefined) throw new Error(`There is no method ${method}`)
    return { id, result: await run(argument) }
  } catch (error) {
    return { id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  }
}
