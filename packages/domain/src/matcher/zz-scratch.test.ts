import { test } from '@jest/globals'
import { drawSet, SET_STYLES } from '../../test/matcher/draw-rules.js'
import { TUNINGS } from '../../test/matcher/matcher-tuning.js'
import { createOracle } from '../../test/matcher/oracle.js'
import { createRandom } from '../../test/matcher/random.js'
import { runOperations, type Operation } from '../../test/matcher/run-operations.js'
import { expectAgreement } from '../../test/matcher/shrink-operations.js'
const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31)
const sets = Number(process.env['SETS'] ?? 2)
const N = Number(process.env['RULES'] ?? 120)
test('x', () => {
  const random = createRandom(seed)
  const out: string[] = []
  for (let i = 0; i < sets; i += 1)
  for (const [name, style] of Object.entries(SET_STYLES)) {
    const set = drawSet(random, style, { rules: N, events: 30 })
    const { rules, events, drawRule } = set
    const match = events.map((event): Operation => ({ kind: 'match', event }))
    const removed = random.sample(rules, N / 2)
    const ops: Operation[] = [
      ...rules.map((rule): Operation => ({ kind: 'add', rule })), ...match,
      { kind: 'maintain', rulesMax: 50 }, ...match,
      ...removed.map(({ id }): Operation => ({ kind: 'remove', id })), ...match,
      ...random.sample(rules, Math.min(20, N)).map((r): Operation => ({ kind: 'update', rule: drawRule(r.id) })), ...match, {kind: 'settle'}, ...match,
      ...rules.map((r): Operation => ({ kind: 'remove', id: r.id })), {kind: 'settle'},
    ]
    const oracle = createOracle()
    for (const [tname, tuning] of Object.entries(TUNINGS)) {
      const d = runOperations(ops, tuning, oracle)
      if (d !== undefined) {
        try { expectAgreement(ops, tuning); out.push('FLAKY ' + name + tname) } catch (e) { out.push(`== ${name} / ${tname}\n` + (e as Error).message.slice(0, 3500)) }
        if (out.length > 4) { throw new Error(out.join('\n\n')) }
      }
    }
  }
  if (out.length) throw new Error(out.join('\n\n'))
  console.log('ok', seed)
}, 600000)
