import { expect } from '@jest/globals'
import { pollUntil } from '@signalbox/testkit'
import type { RunningApps } from './start-apps.js'

const DEADLOCK = '40P01'
const TRIES_MAX = 3

interface SeenDelivery {
  id: string
  state: string
  reason: string | null
  attemptCount: number
  attempts: { number: number; outcome: string; responseStatus: number | null }[]
}

interface SeenEvent {
  delivered_at: Date | null
  failed_at: Date | null
  matched_count: number | null
}

/** Sends events and sees what becomes of them. */
export type EventFollower = ReturnType<typeof followEvents>

/** Forgets all events. The scheduler looks at the same tables in another order: one of the two has to give way. */
export async function emptyTables(apps: RunningApps): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await apps.database.pool.query('truncate event_outbox, delivery_outbox, event_records cascade')
      return
    } catch (error) {
      if ((error as { code?: string }).code !== DEADLOCK || tries === TRIES_MAX) throw error
    }
  }
}

/** Follows events through apps that run. */
export function followEvents(apps: RunningApps) {
  const readDeliveries = async (eventId: string): Promise<SeenDelivery[]> => {
    const { status, body } = await apps.call('GET', `/api/v1/events/${eventId}/deliveries`)
    expect(status).toBe(200)
    return body.data as unknown as SeenDelivery[]
  }
  return {
    async send(
      event: Record<string, unknown>,
      options?: Record<string, unknown>,
      more: { key?: string; headers?: Record<string, string> } = {},
    ) {
      const answer = await apps.call('POST', '/api/v1/events', {
        body: { event, ...(options && { options }) },
        ...more,
      })
      expect(answer.status).toBe(200)
      return answer.body
    },

    /** The one delivery of an event, once it has ended. */
    async untilEnded(eventId: string, state?: string): Promise<SeenDelivery> {
      return await pollUntil(
        async () => {
          const [delivery] = await readDeliveries(eventId)
          const isEnded = delivery !== undefined && !['pending', 'in_flight'].includes(delivery.state)
          return isEnded && (state === undefined || delivery.state === state) ? delivery : undefined
        },
        { what: `the delivery of ${eventId} to end ${state ?? ''}` },
      )
    },

    async untilDelivered(eventId: string): Promise<SeenEvent> {
      return await pollUntil(
        async () => {
          const { rows } = await apps.database.pool.query<SeenEvent>(
            'select * from event_records where event_id = $1',
            [eventId],
          )
          return rows[0]?.delivered_at || rows[0]?.failed_at ? rows[0] : undefined
        },
        { what: `${eventId} to be delivered` },
      )
    },
  }
}
