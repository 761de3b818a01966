import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { createTestDatabase, seedTwoTenants, type TestDatabase } from '@signalbox/testkit'
import pg from 'pg'
import { createLeadership, type Leadership } from '../src/index.js'

let testDatabase: TestDatabase

beforeAll(async () => {
  testDatabase = await createTestDatabase()
})

afterAll(async () => {
  await testDatabase?.drop()
})

async function withSchedulers(count: number, run: (schedulers: Leadership[]) => Promise<void>): Promise<void> {
  const schedulers = Array.from({ length: count }, () => createLeadership(testDatabase.databaseUrl))
  try {
    await run(schedulers)
  } finally {
    await Promise.all(schedulers.map((scheduler) => scheduler.release()))
  }
}

async function countLeaders(schedulers: Leadership[]): Promise<number> {
  const answers = await Promise.all(schedulers.map((scheduler) => scheduler.tryLead()))
  return answers.filter((leads) => leads).length
}

/** Cuts the connections of all schedulers, as a crash of their machine or a failover does. */
async function cutConnections(): Promise<void> {
  const client = new pg.Client({ connectionString: testDatabase.databaseUrl })
  await client.connect()
  try {
    await client.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where application_name = 'signalbox-scheduler-lead' and datname = current_database()`,
    )
  } finally {
    await client.end()
  }
}

describe('leadership', () => {
  test('of several schedulers one leads, and goes on leading', async () => {
    await withSchedulers(4, async (schedulers) => {
      expect(await countLeaders(schedulers)).toBe(1)
      const leader = (await Promise.all(schedulers.map((scheduler) => scheduler.tryLead()))).indexOf(true)
      for (let round = 0; round < 3; round++) {
        const answers = await Promise.all(schedulers.map((scheduler) => scheduler.tryLead()))
        expect(answers.map((leads, index) => leads === (index === leader))).not.toContain(false)
      }
    })
  })

  test('when the leader lets go, the next that asks leads', async () => {
    await withSchedulers(2, async ([first, second]) => {
      expect(await first?.tryLead()).toBe(true)
      expect(await second?.tryLead()).toBe(false)
      await first?.release()
      expect(await second?.tryLead()).toBe(true)
      expect(await first?.tryLead()).toBe(false)
    })
  })

  test('when the connections are cut, everyone asks anew and one leads', async () => {
    await withSchedulers(3, async (schedulers) => {
      expect(await countLeaders(schedulers)).toBe(1)
      await cutConnections()
      // The first answer of each may be that its connection is gone; the next is on a new one.
      await countLeaders(schedulers)
      expect(await countLeaders(schedulers)).toBe(1)
    })
  })

  test('while Postgres is away nobody leads, and nothing is thrown', async () => {
    const lost = createLeadership('postgresql://nobody@127.0.0.1:1/none')
    expect(await lost.tryLead()).toBe(false)
    expect(await lost.tryLead()).toBe(false)
    await lost.release()
  })

  test('a leader stands in the way of nobody who seeds tenants', async () => {
    await withSchedulers(1, async ([leader]) => {
      expect(await leader?.tryLead()).toBe(true)
      expect((await seedTwoTenants(testDatabase)).a.slug).toBe('acme')
    })
  })
})
