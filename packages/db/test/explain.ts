import type { Pool } from 'pg'

/** How a statement was carried out: by which indexes, which tables it read whole, and how many rows it looked at. */
export interface Reading {
  indexes: string[]
  scanned: string[]
  touched: number
}

interface PlanNode {
  'Node Type': string
  'Index Name'?: string
  'Relation Name'?: string
  'Actual Rows': number
  'Actual Loops': number
  'Rows Removed by Join Filter'?: number
  'Rows Removed by Filter'?: number
  Plans?: PlanNode[]
}

/** Carries a statement out, reads how, and takes it back. */
export async function explain(pool: Pool, text: string, values: unknown[]): Promise<Reading> {
  const client = await pool.connect()
  try {
    await client.query('begin')
    const { rows } = await client.query(`explain (analyze, format json) ${text}`, values)
    return readPlan(rows[0]['QUERY PLAN'][0].Plan as PlanNode)
  } finally {
    await client.query('rollback')
    client.release()
  }
}

function readPlan(plan: PlanNode): Reading {
  const reading: Reading = { indexes: [], scanned: [], touched: 0 }
  const nodes = [plan]
  for (let node = nodes.pop(); node !== undefined; node = nodes.pop()) {
    if (node['Index Name'] !== undefined) reading.indexes.push(node['Index Name'])
    if (node['Node Type'] === 'Seq Scan') reading.scanned.push(node['Relation Name'] ?? '')
    const removed = (node['Rows Removed by Join Filter'] ?? 0) + (node['Rows Removed by Filter'] ?? 0)
    reading.touched += (node['Actual Rows'] + removed) * node['Actual Loops']
    nodes.push(...(node.Plans ?? []))
  }
  return reading
}
