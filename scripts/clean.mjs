// Removes what building made. The data of npm start stays: npm start -- --reset forgets it.
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './bootstrap.mjs'

const folders = [
  'tests',
  'bench',
  ...['apps', 'packages'].flatMap((parent) => readdirSync(join(root, parent)).map((name) => join(parent, name))),
]
// dist holds the build information too: one without the other would make the compiler skip what is missing.
for (const folder of folders) rmSync(join(root, folder, 'dist'), { recursive: true, force: true })
for (const path of ['packages/db/src/generated', '.turbo', 'coverage', 'node_modules/.signalbox-generate']) {
  rmSync(join(root, path), { recursive: true, force: true })
}
