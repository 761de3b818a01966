import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { EchoMethods } from './echo-main.js'
import type { InsertMethods } from './insert-main.js'
import type { LoadMethods } from './load-main.js'
import type { ReceiverMethods } from './receiver-main.js'
import type { Methods, Reply } from './serve-calls.js'

/** The processes that the bench runs beside the apps, so that the CPU of each is counted apart. */
export interface Tools {
  /** Sends load. */
  load: LoadMethods
  /** The bare Express echo. */
  echo: EchoMethods
  /** The webhook receiver. */
  receiver: ReceiverMethods
  /** Inserts through `pg`. */
  insert: InsertMethods
}

/** A running tool. */
export interface Tool<Served extends Methods> {
  readonly pid: number
  /** Calls one of its methods. @throws when that fails, or the process ends. */
  call<Name extends keyof Served & string>(
    method: Name,
    ...argument: Parameters<Served[Name]>
  ): Promise<Awaited<ReturnType<Served[Name]>>>
  stop(): Promise<void>
}

const MAINS: Readonly<Record<keyof Tools, URL>> = {
  load: new URL('load-main.js', import.meta.url),
  echo: new URL('echo-main.js', import.meta.url),
  receiver: new URL('receiver-main.js', import.meta.url),
  insert: new URL('insert-main.js', import.meta.url),
}

/** Starts a tool. It has a process group of its own, so that Ctrl-C reaches the bench alone. */
export async function startTool<Name extends keyof Tools>(name: Name): Promise<Tool<Tools[Name]>> {
  const child = spawn(process.execPath, [fileURLToPath(MAINS[name])], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    detached: true,
  })
  const pending = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>()
  let nextId = 1
  const exited = new Promise<void>((resolve) => {
    const end = (reason: string): void => {
      for (const { reject } of pending.values()) reject(new Error(`The ${name} process ended: ${reason}`))
      pending.clear()
      resolve()
    }
    child.once('exit', (code, signal) => end(signal ?? `exit code ${code}`))
    child.once('error', (error) => end(error.message))
  })
  child.on('message', (reply: Reply) => {
    const call = pending.get(reply.id)
    pending.delete(reply.id)
    if ('error' in reply) call?.reject(new Error(`${name}: ${reply.error}`))
    else call?.resolve(reply.result)
  })
  const { pid } = child
  if (pid === undefined) throw new Error(`The ${name} process does not start`)
  return {
    pid,
    call: (method, ...[argument]) =>
      new Promise((resolve, reject) => {
        const id = nextId++
        pending.set(id, { resolve: resolve as (result: unknown) => void, reject })
        child.send({ id, method, argument }, (error) => {
          if (error !== null && pending.delete(id)) reject(error)
        })
      }),
    async stop() {
      if (child.connected) child.disconnect()
      await exited
    },
  }
}
