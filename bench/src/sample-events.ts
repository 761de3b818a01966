/** The name and source of all events here. */
const NAME = 'invoice.paid'
const SOURCE = 'trigger.dev'

/** About 300 bytes as JSON: an invoice of a small shop, with what people put into events. */
const PAYLOAD = {
  invoiceId: 'inv_01HQ3Z6W4X5Y7A8B9C0D',
  customer: { id: 'cus_8412', email: 'billing@customer.example', country: 'AT' },
  amount: 12_345,
  currency: 'EUR',
  isPaid: true,
  lines: [
    { sku: 'plan-team', quantity: 3, unitPrice: 3_900 },
    { sku: 'seat-extra', quantity: 1, unitPrice: 645 },
  ],
  paidAt: '2026-11-01T12:34:56.789Z',
  note: null,
}

/** The JSON of the payload. */
const PAYLOAD_TEXT = JSON.stringify(PAYLOAD)

/** A set of events that can be told from others: their ids are `<prefix>-<number>`, numbers from 0 on. */
export interface EventSeries {
  readonly prefix: string
  readonly count: number
}

/** Body of `POST /api/v1/events`. Without an id the API makes one. */
export function buildSingleBody(id?: string): string {
  return `{"event":${buildEvent(id)}}`
}

/** Body of `POST /api/v1/events/bulk` with `count` events; those of a series from its number `first` on. */
export function buildBulkBody(count: number, series?: { readonly prefix: string; readonly first: number }): string {
  const events = Array.from({ length: count }, (_, index) =>
    buildEvent(series && `${series.prefix}-${series.first + index}`),
  )
  return `{"events":[${events.join()}]}`
}

/** What a receiver gets for one event: the body of a webhook. */
export function buildWebhookBody(id: string): string {
  const timestamp = '2026-11-01T12:34:56.789Z'
  return `{"id":"${id}","type":"${NAME}","timestamp":"${timestamp}","data":${PAYLOAD_TEXT},"source":"${SOURCE}"}`
}

/** The row of one event, in the order of `EVENT_COLUMNS`, as the API stores it. */
export function buildEventRow(scope: { organizationId: string; environmentId: string }, id: string): unknown[] {
  const now = new Date()
  const { organizationId, environmentId } = scope
  return [organizationId, id, environmentId, id, NAME, SOURCE, now, PAYLOAD_TEXT, 'JSON', '{}', now, false]
}

/** Columns of `event_records` that have no default, for `buildEventRow`. */
export const EVENT_COLUMNS = [
  'organization_id',
  'id',
  'environment_id',
  'event_id',
  'name',
  'source',
  '"timestamp"',
  'payload',
  'payload_type',
  'context',
  'deliver_at',
  'is_test',
] as const

function buildEvent(id: string | undefined): string {
  const idPart = id === undefined ? '' : `"id":"${id}",`
  return `{${idPart}"name":"${NAME}","payload":${PAYLOAD_TEXT}}`
}
