import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { PROBLEMS } from './problem.js'

const page = readFileSync(join(__dirname, '../../../docs/events-api.md'), 'utf8')
const rows = [...page.matchAll(/^\| ([45]\d\d(?:, [45]\d\d)*) +\| (.+) \|$/gm)].map(
  ([, statuses = '', codes = '']) => ({ statuses: statuses.split(', ').map(Number), codes }),
)

test.each(Object.entries(PROBLEMS))('docs/events-api.md has the code %s with its status', (code, { status }) => {
  const row = rows.find(({ codes }) => codes.includes(`\`${code}\``))
  expect(row?.statuses).toContain(status)
})
