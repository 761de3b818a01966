import type { Pool } from 'pg'

/** How a statement was carried out: by which indexes, which tables it read whole, and how many rows it looked at. */
export interface Reading {
  indexes: string[]
  scanned: string[]
  touched: number
  /** Joins of which no side reads a table or is one row: of values, or of what an earlier step of the statement found. */
  joinedSets: string[]
}

interface PlanNode {
  'Node Type': string
  'Parent Relationship'?: string
  Strategy?: string
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
  const reading: Reading = { indexes: [], scanned: [], touched: 0, joinedSets: [] }
  const nodes = [plan]
  for (let node = nodes.pop(); node !== undefined; node = nodes.pop()) {
    if (node['Index Name'] !== undefined) reading.indexes.push(node['Index Name'])
    if (node['Node Type'] === 'Seq Scan') reading.scanned.push(node['Relation Name'] ?? '')
    const removed = (node['Rows Removed by Join Filter'] ?? 0) + (node['Rows Removed by Filter'] ?? 0)
    reading.touched += (node['Actual Rows'] + removed) * node['Actual Loops']
    if (JOINS.has(node['Node Type']) && !isBounded(node)) reading.joinedSets.push(node['Node Type'])
    nodes.push(...(node.Plans ?? []))
  }
  return reading
}

const JOINS = new Set(['Nested Loop', 'Hash Join', 'Merge Join'])

function isBounded(node: PlanNode): boolean {
  const inputs = node.Plans?.filter((input) => !['InitPlan', 'SubPlan'].includes(input['Parent Relationship'] ?? ''))
  const isOneRow = node['Node Type'] === 'Aggregate' && node.Strategy === 'Plain'
  return node['Relation Name'] !== undefined || isOneRow || (inputs?.some(isBounded) ?? false)
}
