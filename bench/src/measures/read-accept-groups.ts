import { round } from '../stats.js'

/** Sums of what the API counted since it started. */
export interface GroupSums {
  readonly groups: number
  readonly rows: number
  readonly seconds: number
}

/** Reads from the API's metrics what it committed together. */
export async function readGroupSums(apiUrl: string): Promise<GroupSums> {
  const text = await (await fetch(`${apiUrl}/metrics`)).text()
  const read = (name: string): number =>
    Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(text)?.[1] ?? Number.NaN)
  return {
    groups: read('signalbox_accept_group_rows_count'),
    rows: read('signalbox_accept_group_rows_sum'),
    seconds: read('signalbox_accept_group_seconds_sum'),
  }
}

/** What one group was on average between two readings. */
export function describeGroups(before: GroupSums, after: GroupSums): { rows: number; ms: number } {
  const groups = after.groups - before.groups
  return {
    rows: round((after.rows - before.rows) / groups, 1),
    ms: round(((after.seconds - before.seconds) / groups) * 1_000, 2),
  }
}
