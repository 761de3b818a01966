// One size of the matcher, in a process of its own: its heap has nothing of the others, its code was made for none of them.
import { mkdirSync, writeFileSync } from 'node:fs'
import { Session } from 'node:inspector/promises'
import { join } from 'node:path'
import { FULL_PACE, QUICK_PACE, runScenario } from './run-scenario.js'
import { SCENARIOS } from './scenarios.js'
import type { ChildMessage } from './measure-matcher.js'

const SAMPLING_INTERVAL_MICROS = 250
const [name, pace, profileDir] = process.argv.slice(2)
const scenario = SCENARIOS.find((one) => one.name === name)
const { gc } = globalThis
if (scenario === undefined || gc === undefined) throw new Error('This process is started by the bench')

const figures = await runScenario(scenario, {
  pace: pace === 'quick' ? QUICK_PACE : FULL_PACE,
  say: (line) => tell({ kind: 'said', line }),
  gc: () => void gc(),
  profile,
})
tell({ kind: 'found', figures })
process.disconnect()

function tell(message: ChildMessage): void {
  process.send?.(message)
}

async function profile<Result>(work: () => Result): Promise<Result> {
  if (profileDir === undefined) return work()
  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.setSamplingInterval', { interval: SAMPLING_INTERVAL_MICROS })
  await session.post('Profiler.start')
  const result = work()
  const stopped = await session.post('Profiler.stop')
  session.disconnect()
  mkdirSync(profileDir, { recursive: true })
  writeFileSync(join(profileDir, `${name}-${process.pid}.cpuprofile`), JSON.stringify(stopped.profile))
  return result
}
