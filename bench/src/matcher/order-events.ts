import type { Json, MatchableEvent } from '@signalbox/domain'
import { createRandom, pickWeighted, type Random } from './random.js'
import {
  readAccountId,
  readCustomer,
  readMoment,
  readNetwork,
  readOrderId,
  readPostcode,
  readPurchase,
  readSku,
  readTag,
  readTenantId,
  readTotals,
  type Vocabulary,
} from './vocabulary.js'

/** Names with how often they come. */
export const EVENT_NAMES = [
  ['order.created', 28],
  ['order.paid', 24],
  ['order.updated', 14],
  ['order.shipped', 10],
  ['order.delivered', 8],
  ['payment.failed', 5],
  ['payment.refunded', 4],
  ['order.cancelled', 3],
  ['stock.reserved', 2],
  ['invoice.created', 2],
] as const

export const EVENT_SOURCES = [
  ['shop', 60],
  ['marketplace', 25],
  ['pos', 10],
  ['erp', 5],
] as const

export const STATUSES = ['open', 'authorized', 'paid', 'packed', 'shipped', 'refunded'] as const
export const CURRENCIES = ['EUR', 'GBP', 'CHF', 'SEK', 'USD'] as const
export const METHODS = ['card', 'paypal', 'invoice', 'sepa'] as const
const CONTEXT_ZONES = ['eu-central', 'eu-north', 'eu-west', 'us-east'] as const
const ENVELOPE_TIME = new Date(Date.UTC(2026, 4, 1))
const TAGS_PER_EVENT = 3
const ITEMS_MAX = 4
/** What people write, so that an event is about 1 KB as JSON. */
const NOTES = [
  'Please leave the parcel with the neighbours on the second floor if nobody is in; the bell does not work.',
  'fragile: contains glass. Call before delivery, and bring the old crate back to the depot in the evening.',
  'Gift for a colleague: no prices on the slip, and the card that was written in the shop on top of it all.',
] as const

/** The event with this number. */
export function makeOrderEvent(vocabulary: Vocabulary, seed: number, number: number): MatchableEvent {
  const random = createRandom(seed, EVENT_SALT, number)
  const name = pickWeighted(random, EVENT_NAMES)
  const source = pickWeighted(random, EVENT_SOURCES)
  const externalAccountId = random.chance(0.5) ? readAccountId(random.below(vocabulary.accounts)) : null
  const payload = asParsed(makeOrder(vocabulary, random))
  const context = asParsed({
    tenantId: readTenantId(random.below(vocabulary.tenants)),
    zone: random.pick(CONTEXT_ZONES),
    requestId: `req_${number.toString(36).padStart(10, '0')}`,
  })
  const envelope = { eventId: `evt_${number}`, timestamp: ENVELOPE_TIME, accountIdentifier: externalAccountId }
  return {
    name,
    source,
    externalAccountId,
    payloadType: 'JSON',
    readPayload: () => payload,
    readContext: () => context,
    readEnvelope: () => envelope,
  }
}

const EVENT_SALT = 77

function makeOrder(vocabulary: Vocabulary, random: Random): Json {
  const [low, high] = readTotals(random.below(vocabulary.totals), vocabulary)
  const [from, to] = [0, 1].map((part) => readMoment(part, vocabulary)) as [number, number]
  const createdAt = readMoment(random.below(vocabulary.days), vocabulary) + random.below(to - from)
  const customer = readCustomer(random.below(vocabulary.customers), vocabulary)
  return {
    orderId: readOrderId(random.below(vocabulary.orders)),
    reference: `${readPurchase(random.below(vocabulary.purchases))}${random.below(90) + 10}-${random.pick(['A', 'B', 'K'])}`,
    status: random.pick(STATUSES),
    currency: random.pick(CURRENCIES),
    total: low + random.below(high - low + 1),
    createdAt: new Date(createdAt).toISOString(),
    ipAddress: `${readNetwork(random.below(vocabulary.networks))}.${random.below(254) + 1}`,
    customer: { ...customer, name: 'Robin Example', locale: 'en', optedIn: random.chance(0.6) },
    items: Array.from({ length: 1 + random.below(ITEMS_MAX) }, () => ({
      ...readSku(random.below(vocabulary.skus)),
      quantity: 1 + random.below(5),
    })),
    tags: Array.from({ length: TAGS_PER_EVENT }, () => readTag(random.below(vocabulary.tags))),
    shipping: {
      postcode: readPostcode(random.below(vocabulary.postcodes)),
      city: 'Exampleton',
      street: 'Long Lane 17',
      isExpress: random.chance(0.25),
    },
    payment: { method: random.pick(METHODS), attempts: 1 + random.below(3) },
    ...(random.chance(0.4) ? { coupon: random.chance(0.3) ? null : `SPRING${random.below(20)}` } : {}),
    isGift: random.chance(0.2),
    notes: random.pick(NOTES),
  }
}

/** The strings and shapes of objects that JSON.parse gives, which are those that events have in production. */
export function asParsed(value: Json): Json {
  return JSON.parse(JSON.stringify(value)) as Json
}
