import type {
  DispatcherRule,
  Filter,
  FilterLanguage,
  RuleChangesCursor,
  RuleChangesPage,
  RulesPage,
  TenantScope,
} from '@signalbox/domain'
import type pg from 'pg'
import { asStorageError } from './as-storage-error.js'
import { findEndedRulesSql, loadRuleChangesSql, loadRulesPageSql } from './sql/load-rules.js'

interface RuleRow {
  id: string
  event_names: string[]
  source: string
  filter_language: FilterLanguage
  payload_filter: Filter | null
  context_filter: Filter | null
  external_account_id: string | null
  expires_at: Date | null
  dispatchable_type: string
  found: number
}

/** What every row says, be it without a rule. */
type PageRow<Row, Head> = Head & (Row | { id: null })

type ChangeRow = RuleRow & { is_rule: boolean; set_version: string }

const FIRST_ID = '00000000-0000-0000-0000-000000000000'
const LAST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff'

/** Reads the rules of environments, page by page and change by change. Throws `storage_unavailable`. */
export function createRuleStore(pool: pg.Pool) {
  return {
    /** Rules by id: those of dispatchers that are enabled, not manual, not deleted and have not run out. */
    async loadRulesPage(
      { organizationId, environmentId }: TenantScope,
      { afterId, limit }: { afterId: string | null; limit: number },
    ): Promise<RulesPage> {
      const values = [organizationId, environmentId, afterId ?? FIRST_ID, limit]
      const query = { name: 'load-rules-page', text: loadRulesPageSql, values }
      const { rows } = await asStorageError(() => pool.query<PageRow<RuleRow, { version: string }>>(query))
      const found = rows.filter(isFound)
      return { version: rows[0]?.version ?? '0', rules: found.map(toRule), isLast: !isMore(found, limit) }
    },

    /** What changed after a version, oldest first. Dispatchers that end by themselves don't change: see below. */
    async loadRuleChanges(
      { organizationId, environmentId }: TenantScope,
      { sinceVersion, afterId, limit }: RuleChangesCursor & { limit: number },
    ): Promise<RuleChangesPage> {
      const values = [organizationId, environmentId, sinceVersion, afterId ?? LAST_ID, limit]
      const query = { name: 'load-rule-changes', text: loadRuleChangesSql, values }
      type Head = { version: string | null; pruned_version: string | null }
      const { rows } = await asStorageError(() => pool.query<PageRow<ChangeRow, Head>>(query))
      const found = rows.filter(isFound)
      const last = found.at(-1)
      return {
        version: rows[0]?.version ?? '0',
        prunedVersion: rows[0]?.pruned_version ?? '0',
        changes: found.map((row) => ({ id: row.id, rule: row.is_rule ? toRule(row) : null })),
        next: last && isMore(found, limit) ? { sinceVersion: last.set_version, afterId: last.id } : null,
      }
    },

    /**
     * Ephemeral dispatchers that were used up or ran out, by the clock of the database, oldest end first. A transaction
     * shows after the time that it writes: ask with an overlap. What is missed costs memory, never a delivery too many.
     */
    async findEndedRules(
      { organizationId, environmentId }: TenantScope,
      since: Date,
      limit: number,
    ): Promise<{ id: string; endedAt: Date }[]> {
      const query = {
        name: 'find-ended-rules',
        text: findEndedRulesSql,
        values: [organizationId, environmentId, since, limit],
      }
      const { rows } = await asStorageError(() => pool.query<{ id: string; deleted_at: Date }>(query))
      return rows.map((row) => ({ id: row.id, endedAt: row.deleted_at }))
    },
  }
}

function isFound<Row extends { id: string | null }>(row: Row): row is Row & { id: string } {
  return row.id !== null
}

// A page is full with its rows, or with the bytes of its filters before that.
function isMore(rows: { found: number }[], limit: number): boolean {
  return rows.length >= limit || rows.length < (rows[0]?.found ?? 0)
}

function toRule(row: RuleRow): DispatcherRule {
  return {
    id: row.id,
    eventNames: row.event_names,
    source: row.source,
    filterLanguage: row.filter_language,
    payloadFilter: row.payload_filter,
    contextFilter: row.context_filter,
    externalAccountId: row.external_account_id,
    expiresAt: row.expires_at,
    once: row.dispatchable_type === 'EPHEMERAL',
  }
}
