import { setImmediate } from 'node:timers/promises'
import type { DispatcherRule, TenantScope } from '@signalbox/domain'
import type { RuleStore } from '../src/sync-rules.js'

/** Rules in memory that keep to the contract of the store, for tests of order alone. */
export interface FakeRules extends RuleStore {
  /** What was asked, in its order: `page`, `changes`, `ended`. */
  readonly calls: string[]
  /** One transaction: puts rules in, or others in the place of those with their ids. */
  change(of: TenantScope, rules: DispatcherRule[]): void
  remove(of: TenantScope, ids: string[]): void
  /** Forgets what was removed. */
  prune(of: TenantScope): void
  /** Ends ephemeral dispatchers, which no version tells of. */
  end(of: TenantScope, ids: string[], at: Date): void
  /** Acts ahead of the nth call of a kind, counted from now. */
  before(call: string, number: number, act: () => void): void
  beforeEach(act: (call: string, environmentId: string) => void): void
}

interface FakeSet {
  version: number
  prunedVersion: number
  rows: Map<string, { version: number; rule: DispatcherRule | null }>
  ended: { id: string; at: Date }[]
}

/** Creates them: no environment has any. */
export function createFakeRules(): FakeRules {
  const sets = new Map<string, FakeSet>()
  const calls: string[] = []
  const acts: ((call: string, environmentId: string) => void)[] = []
  const find = ({ environmentId }: TenantScope): FakeSet => {
    const set = sets.get(environmentId) ?? { version: 0, prunedVersion: 0, rows: new Map(), ended: [] }
    sets.set(environmentId, set)
    return set
  }
  const answer = async (call: string, of: TenantScope): Promise<FakeSet> => {
    await setImmediate()
    for (const act of acts.slice()) act(call, of.environmentId)
    calls.push(call)
    return find(of)
  }
  const write = (of: TenantScope, changes: { id: string; rule: DispatcherRule | null }[]): void => {
    const set = find(of)
    set.version += 1
    for (const { id, rule } of changes) set.rows.set(id, { version: set.version, rule })
  }
  return {
    calls,
    change: (of, rules) =>
      write(
        of,
        rules.map((rule) => ({ id: rule.id, rule })),
      ),
    remove: (of, ids) =>
      write(
        of,
        ids.map((id) => ({ id, rule: null })),
      ),
    prune: (of) => {
      const set = find(of)
      set.prunedVersion = set.version
      for (const [id, { rule }] of set.rows) if (rule === null) set.rows.delete(id)
    },
    end: (of, ids, at) => find(of).ended.push(...ids.map((id) => ({ id, at }))),
    before: (wanted, number, act) => {
      let left = number
      acts.push((call) => {
        if (call !== wanted) return
        left -= 1
        if (left === 0) act()
      })
    },
    beforeEach: (act) => void acts.push(act),
    loadRulesPage: async (of, { afterId, limit }) => {
      const { rows, version } = await answer('page', of)
      const found = [...rows.values()]
        .flatMap(({ rule }) => (rule !== null && (afterId === null || rule.id > afterId) ? [rule] : []))
        .toSorted((a, b) => (a.id < b.id ? -1 : 1))
      return { version: String(version), rules: found.slice(0, limit), isLast: found.length < limit }
    },
    loadRuleChanges: async (of, { sinceVersion, afterId, limit }) => {
      const { rows, version, prunedVersion } = await answer('changes', of)
      const since = Number(sinceVersion)
      const found = [...rows]
        .map(([id, row]) => ({ id, ...row }))
        .filter((row) => row.version > since || (afterId !== null && row.version === since && row.id > afterId))
        .toSorted((a, b) => a.version - b.version || (a.id < b.id ? -1 : 1))
      const changes = found.slice(0, limit)
      const last = changes.at(-1)
      return {
        version: String(version),
        prunedVersion: String(prunedVersion),
        changes: changes.map(({ id, rule }) => ({ id, rule })),
        next:
          last === undefined || found.length < limit ? null : { sinceVersion: String(last.version), afterId: last.id },
      }
    },
    findEndedRules: async (of, since, limit) =>
      (await answer('ended', of)).ended
        .filter(({ at }) => at >= since)
        .toSorted((a, b) => a.at.getTime() - b.at.getTime())
        .slice(0, limit)
        .map(({ id, at }) => ({ id, endedAt: at })),
  }
}
