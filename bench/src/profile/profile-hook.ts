import { writeFileSync } from 'node:fs'
import { Session } from 'node:inspector'
import { basename, dirname, join } from 'node:path'
import { PROFILE_DIR_VARIABLE } from './profile-environment.js'

/** Loaded into each app with `--import`: profiles the process from here on and writes the profile when it exits. */
const SAMPLING_INTERVAL_MICROS = 500
/** Loading and compiling is through by then, and the warm-up not yet. */
const START_DELAY_MS = 2_000
const folder = process.env[PROFILE_DIR_VARIABLE]

if (folder !== undefined) {
  const session = new Session()
  session.connect()
  session.post('Profiler.enable')
  session.post('Profiler.setSamplingInterval', { interval: SAMPLING_INTERVAL_MICROS })
  setTimeout(() => session.post('Profiler.start'), START_DELAY_MS).unref()
  process.on('exit', () => {
    // apps/<name>/dist/main.js
    const name = basename(dirname(dirname(process.argv[1] ?? 'app/dist/main.js')))
    // Inside the process the inspector answers at once, before the exit goes on.
    session.post('Profiler.stop', (error, result) => {
      if (error !== null) return
      writeFileSync(join(folder, `${name}-${process.pid}.cpuprofile`), JSON.stringify(result.profile))
    })
  })
}
