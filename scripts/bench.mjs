// pnpm bench: measures, side by side with what it is measured against. `pnpm bench NAME` runs one measure.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { ensureReady, root } from './bootstrap.mjs'

await ensureReady({
  projects: ['bench', 'apps/ingest-api', 'apps/deliver-worker', 'apps/dispatcher-worker', 'apps/scheduler'],
})
const main = join(root, 'bench', 'dist', 'main.js')
const child = spawn(process.execPath, [main, ...process.argv.slice(2)], { stdio: 'inherit' })
// The terminal signals the whole group; the bench stops what it started, and we say how it ended.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => signal === 'SIGTERM' && child.kill(signal))
child.once('exit', (code) => process.exit(code ?? 1))
