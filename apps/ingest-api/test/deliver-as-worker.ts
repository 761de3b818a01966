import { createDeliverStore } from '@signalbox/db'
import { createDeliverEvents } from '@signalbox/pipeline'
import type { TestApi } from './start-test-api.js'

const MATCHERS_BYTES_MAX = 2 ** 24

/** Delivers events, named by the caller's ids, as the deliver-worker does, with the same code. */
export async function deliverAsWorker(api: TestApi, eventIds: readonly string[]): Promise<void> {
  const { rows } = await api.database.pool.query<{ organization_id: string; id: string }>(
    'select organization_id, id from event_records where event_id = any($1)',
    [eventIds],
  )
  const { deliver, stop } = createDeliverEvents({
    store: createDeliverStore(api.database),
    queue: { publishDispatch: async () => undefined, publishDeliver: async () => undefined },
    now: () => new Date(),
    matchersBytesMax: MATCHERS_BYTES_MAX,
  })
  await deliver(rows.map((row) => ({ organizationId: row.organization_id, eventRecordId: row.id })))
  await stop()
}
