import type pg from 'pg'

/** Runs a step in one transaction: committed when it returns, rolled back when it throws. */
export async function runInTransaction<Result>(
  pool: pg.Pool,
  step: (client: pg.PoolClient) => Promise<Result>,
): Promise<Result> {
  const client = await pool.connect()
  let isBroken = false
  // A connection that dies between two statements says so as an event; the next statement then fails.
  const onError = (): void => void (isBroken = true)
  client.on('error', onError)
  try {
    await client.query('begin')
    const result = await step(client)
    await client.query('commit')
    return result
  } catch (error) {
    await client.query('rollback').catch(() => (isBroken = true))
    throw error
  } finally {
    client.off('error', onError)
    // A connection that could not even roll back is closed, not given to the next.
    client.release(isBroken)
  }
}
