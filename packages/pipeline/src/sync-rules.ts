import type { RuleChangesCursor, RuleChangesPage, RulesPage, TenantScope } from '@signalbox/domain'
import type { Pause } from './create-pause.js'
import type { RuleIndex } from './rule-index.js'

/** Reads the rules of an environment: those of its dispatchers that are enabled, not manual and not deleted. */
export interface RuleStore {
  /** Rules by id, with the version of the set in the very snapshot of this page. */
  loadRulesPage(scope: TenantScope, page: { afterId: string | null; limit: number }): Promise<RulesPage>
  /** What changed after a version, oldest first, each dispatcher as it stands now, with the version of this snapshot. */
  loadRuleChanges(scope: TenantScope, page: RuleChangesCursor & { limit: number }): Promise<RuleChangesPage>
  /** Dispatchers that were used up or have run out since a time, oldest end first: no version tells of them. */
  findEndedRules(scope: TenantScope, since: Date, limit: number): Promise<{ id: string; endedAt: Date }[]>
}

/** The rules of one environment as they are held, and what they are worth. */
export interface HeldRules {
  readonly scope: TenantScope
  readonly index: RuleIndex
  /** Undefined until everything is loaded. */
  version: bigint | undefined
  /** False while changes are half applied. */
  isWhole: boolean
  endedSince: Date
  /** How far a load has come; a load that fails is gone on with from there. */
  progress: LoadProgress | undefined
  loads: number
  refreshes: number
}

/** A load under way. */
export interface LoadProgress {
  readonly isLarge: boolean
  /** That of the first page, which all the rules have at least. */
  version: bigint | undefined
  afterId: string | null
  isThrough: boolean
}

/** What keeps rules in step. */
export interface SyncDeps {
  store: RuleStore
  now: () => Date
  pause: Pause
  /** Runs a query when it is this one's turn. Throws when the worker stops. */
  read: <Result>(query: () => Promise<Result>) => Promise<Result>
  /** Told of rules that are being loaded after each part of them; waits while there is no memory for more. */
  makeRoom: () => Promise<void>
  onRulesLoaded?: (load: RulesLoad, scope: TenantScope) => void
}

/** A load that has ended. */
export interface RulesLoad {
  rules: number
  bytes: number
  durationMs: number
}

/** Rules of one query: a few milliseconds of reading, so that nobody waits long behind one, and little for the collector. */
const RULES_OF_PAGE = 200
const CHANGES_OF_PAGE = 200

/** Up to so many rules a set is one of the many small ones; a load that finds more begins anew as that of a large one. */
const SMALL_RULES_MAX = 2_000

/** Loads that come to nothing, because what changed meanwhile was removed before it could be read. */
const LOADS_IN_VAIN_MAX = 5

/**
 * Computing of a load without a pause: a delivery of somebody else waits for as much at each of the half dozen answers of Postgres
 * and Redis that it takes.
 */
const LOADING_MS_MAX = 5

/** Ended rules of one query. */
const ENDED_OF_PAGE = 1_000

/** Clocks of worker and database may differ by so much, and a transaction may take so long to show. */
const ENDED_MARGIN_MS = 60_000

/**
 * Loads the rules, or applies what changed since they were.
 *
 * A load remembers the version of its first page and then applies what changed since, so that whatever moved between two
 * pages is taken up. Changes come in the order of their versions, each dispatcher in its state of now: with the last page
 * the rules are what the snapshot of that page is. They are applied in place. As long as that takes no pause, it is one
 * step for everybody. Otherwise the rules are not whole meanwhile and nothing may be matched against them: of two changes
 * that belong together (this dispatcher instead of that one) an event could meet one alone. When it fails half way, they
 * stay so: a load is gone on with where it was, changes are applied from the first on once more.
 */
export async function bringUpToDate(deps: SyncDeps, held: HeldRules): Promise<void> {
  if (held.version !== undefined) {
    held.refreshes += 1
    if (await applyChanges(deps, held, held.version)) return
  }
  await loadAll(deps, held)
}

async function loadAll(deps: SyncDeps, held: HeldRules): Promise<void> {
  const startedAt = performance.now()
  for (let inVain = 0; ;) {
    held.progress ??= begin(deps, held, false)
    const { progress } = held
    if (!(await loadPages(deps, held, progress))) held.progress = begin(deps, held, true)
    else if (held.isWhole || (await applyChanges(deps, held, progress.version ?? 0n))) break
    else {
      held.progress = undefined
      inVain += 1
      if (inVain === LOADS_IN_VAIN_MAX)
        throw new Error('changes of the dispatchers are removed before they can be read')
    }
  }
  held.progress = undefined
  const { rules, bytes } = held.index.stats()
  deps.onRulesLoaded?.({ rules, bytes, durationMs: Math.round(performance.now() - startedAt) }, held.scope)
}

function begin(deps: SyncDeps, held: HeldRules, isLarge: boolean): LoadProgress {
  held.index.clear(isLarge)
  held.version = undefined
  held.isWhole = false
  held.endedSince = deps.now()
  if (!isLarge) held.loads += 1
  return { isLarge, version: undefined, afterId: null, isThrough: false }
}

/** False when there are too many rules for the small set as which they were begun. */
async function loadPages(deps: SyncDeps, held: HeldRules, progress: LoadProgress): Promise<boolean> {
  const { scope, index } = held
  while (!progress.isThrough) {
    const query = { afterId: progress.afterId, limit: RULES_OF_PAGE }
    const page = await deps.read(() => deps.store.loadRulesPage(scope, query))
    // One page alone is the very snapshot of its version.
    const isSnapshot = progress.version === undefined && page.isLast
    progress.version ??= BigInt(page.version)
    for (const rule of page.rules) {
      index.put(rule)
      await deps.pause(LOADING_MS_MAX)
    }
    progress.afterId = page.rules.at(-1)?.id ?? progress.afterId
    progress.isThrough = page.isLast
    if (isSnapshot) {
      held.version = progress.version
      held.isWhole = true
    }
    if (page.isLast) return true
    if (!progress.isLarge && index.matcher.size >= SMALL_RULES_MAX) return false
    await deps.makeRoom()
  }
  return true
}

/** False when changes that would be needed are there no more. */
async function applyChanges(deps: SyncDeps, held: HeldRules, since: bigint): Promise<boolean> {
  const { scope, index } = held
  let cursor: RuleChangesCursor | null = { sinceVersion: String(since), afterId: null }
  let version = since
  while (cursor !== null) {
    const query: RuleChangesCursor & { limit: number } = { ...cursor, limit: CHANGES_OF_PAGE }
    const page: RuleChangesPage = await deps.read(() => deps.store.loadRuleChanges(scope, query))
    if (BigInt(page.prunedVersion) > since) return false
    // Others first, if they wait: a turn that has just begun is long enough for most changes.
    await deps.pause()
    // From here to the end it is either without a pause, or not whole.
    if (page.next !== null) held.isWhole = false
    for (const { id, rule } of page.changes) {
      if (rule === null) index.drop(id)
      else index.put(rule)
      const pausing = deps.pause()
      if (pausing === undefined) continue
      held.isWhole = false
      await pausing
    }
    version = BigInt(page.version)
    cursor = page.next
  }
  held.version = version
  held.isWhole = true
  return true
}

/** Takes out what was used up elsewhere or has run out. What this worker used up itself, it takes out by itself. */
export async function dropEnded(deps: SyncDeps, held: HeldRules): Promise<void> {
  const startedAt = deps.now()
  let since = new Date(held.endedSince.getTime() - ENDED_MARGIN_MS)
  for (;;) {
    const from = since
    const ended = await deps.read(() => deps.store.findEndedRules(held.scope, from, ENDED_OF_PAGE))
    for (const { id } of ended) {
      held.index.drop(id)
      await deps.pause(LOADING_MS_MAX)
    }
    const last = ended.at(-1)
    if (last === undefined || ended.length < ENDED_OF_PAGE) break
    // What ended at the same time comes once more. A page of nothing else would come for ever.
    since = last.endedAt > from ? last.endedAt : new Date(from.getTime() + 1)
  }
  held.endedSince = startedAt
}
