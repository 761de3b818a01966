import { createDeliverStore } from '@signalbox/db'
import { createDeliverEvents } from '@signalbox/pipeline'
import type { TestApi } from './start-test-api.js'

/** Delivers events, named by the caller's ids, as the deliver-worker does, with the same code. */
export async function deliverAsWorker(api: TestApi, eventIds: readonly string[]): Promise<void> {
  const { rows } = await api.database.pool.query<{ organization_id: string; id: string }>(
    'select organization_id, id from event_records where event_id = any($1)',
    [eventIds],
  )
  const deliverEvents = createDeliverEvents({
    store: createDeliverStore(api.database),
    queue: { publishDispatch: async () => undefined, publishDeliver: async () => undefined },
    now: () => new Date(),
  })
  await deliverEvents(rows.map((row) => ({ organizationId: row.organization_id, eventRecordId: row.id })))
}
