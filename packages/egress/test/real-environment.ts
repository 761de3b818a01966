import { once } from 'node:events'
import { SHARE_ENV, Worker } from 'node:worker_threads'

/** Jest gives tests a copy of `process.env`; what Node itself reads is only reached from a thread that shares it. */
export async function setRealEnvironment(variables: Readonly<Record<string, string | undefined>>): Promise<void> {
  const code = `
    const { workerData } = require('node:worker_threads')
    for (const [name, value] of Object.entries(workerData)) {
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
    }`
  const worker = new Worker(code, { eval: true, env: SHARE_ENV, workerData: variables })
  await once(worker, 'exit')
}
