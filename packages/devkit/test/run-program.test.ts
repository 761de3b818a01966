import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, expect, test } from '@jest/globals'
import { isAlive } from '../src/process-identity.js'
import { until } from './temporary-folder.js'

const BOOTSTRAP = pathToFileURL(join(__dirname, '..', '..', '..', 'scripts', 'bootstrap.mjs')).href

/** Like the `tsc` of an older Node: it waits for another program and hears no signal meanwhile. */
const BUSY = `require('node:child_process').spawnSync(process.execPath, ['-e', 'console.log(process.pid); setInterval(() => 0, 1000)'], { stdio: 'inherit' })`
const RUN = `import { run } from '${BOOTSTRAP}'
await run(process.execPath, ['-e', ${JSON.stringify(BUSY)}], { what: 'Building' })`

let busy = 0
afterEach(() => {
  if (busy !== 0 && isAlive(busy)) process.kill(busy, 'SIGKILL')
})

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('%s while something is built ends all of that too', async (signal, expected) => {
  const script = spawn(process.execPath, ['--input-type=module', '-e', RUN], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exit = once(script, 'exit')
  const [line] = (await once(script.stdout, 'data')) as [Buffer]
  busy = Number(line.toString())
  expect(isAlive(busy)).toBe(true)
  script.kill(signal)
  expect(await exit).toEqual([expected, null])
  await until(() => !isAlive(busy))
})

/** Hears signals and does not end. */
const DEAF = `process.on('SIGINT', () => console.log('heard')); console.log(process.pid); setInterval(() => 0, 1000)`

test('a second signal ends what does not end by the first', async () => {
  const run = `import { run } from '${BOOTSTRAP}'
await run(process.execPath, ['-e', ${JSON.stringify(DEAF)}], { what: 'Building' })`
  const script = spawn(process.execPath, ['--input-type=module', '-e', run], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exit = once(script, 'exit')
  const [line] = (await once(script.stdout, 'data')) as [Buffer]
  busy = Number(line.toString())
  script.kill('SIGINT')
  await once(script.stdout, 'data')
  expect(isAlive(busy)).toBe(true)
  script.kill('SIGINT')
  expect(await exit).toEqual([130, null])
  await until(() => !isAlive(busy))
})
