import type { JsonObject } from '@signalbox/domain'
import { CURRENCIES, METHODS, STATUSES } from './order-events.js'
import type { Random } from './random.js'
import {
  CATEGORIES,
  readAccountId,
  readCompany,
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
  TIERS,
  TOTAL_MAX,
  type Vocabulary,
} from './vocabulary.js'

/** What a rule wants beside name and source. */
export interface Wish {
  readonly payload?: JsonObject
  readonly context?: JsonObject
  readonly externalAccountId?: string
}

/** A kind of filter that few events meet, by one condition above all. */
export interface NarrowKind {
  readonly weight: number
  /** Takes one event and is gone: "wait for this order's payment". */
  readonly isWait?: boolean
  /** May stand under a name with `*`, as what audits, mirrors and exports want does. */
  readonly isAnyName?: boolean
  /** Conditions that may stand beside it. */
  readonly extras: readonly Extra[]
  make(vocabulary: Vocabulary, random: Random): Wish
}

/** A condition that many events fulfil. */
type Extra = (random: Random) => JsonObject

const extras = {
  status: (random) => ({ status: someOf(random, STATUSES, 4) }),
  oneStatus: (random) => ({ status: [random.pick(STATUSES)] }),
  currency: (random) => ({ currency: someOf(random, CURRENCIES, 3) }),
  notRefunded: () => ({ status: [{ $anythingBut: ['refunded'] }] }),
  above: (random) => ({ total: [{ $gt: random.below(TOTAL_MAX / 2) }] }),
  below: (random) => ({ total: [{ $lt: TOTAL_MAX - random.below(TOTAL_MAX / 2) }] }),
  express: () => ({ shipping: { isExpress: [false] } }),
  noCoupon: () => ({ coupon: [{ $exists: false }] }),
  coupon: () => ({ coupon: [{ $isNull: false }] }),
  attempts: () => ({ payment: { attempts: [{ $lte: 2 }] } }),
  method: (random) => ({ payment: { method: someOf(random, METHODS, 3) } }),
  noGift: () => ({ isGift: [{ $not: true }] }),
  notes: () => ({ notes: [{ $wildcard: '*the*' }] }),
  either: (random) => {
    const alternatives: JsonObject[] = [{ status: someOf(random, STATUSES, 3) }, { payment: { method: ['card'] } }]
    return { $or: alternatives }
  },
  severalItems: () => ({ items: [{ $length: { $gte: 1 } }] }),
} satisfies Record<string, Extra>

const { status, oneStatus, currency, notRefunded, above, below, express, noCoupon, coupon, attempts } = extras
const { method, noGift, notes, either, severalItems } = extras

/** The kinds with their weights, which add up to 100. */
export const NARROW_KINDS: readonly NarrowKind[] = [
  {
    weight: 30,
    isWait: true,
    extras: [currency, above, notRefunded, attempts],
    make: (v, random) => ({ payload: { orderId: [readOrderId(random.below(v.orders))] } }),
  },
  {
    weight: 13,
    isAnyName: true,
    extras: [status, currency, above, express, noCoupon, attempts, method, noGift, notes, either, severalItems],
    make: (v, random) => {
      const { id, region } = readCustomer(random.below(v.customers), v)
      return { payload: { customer: { id: [id], region: [region] } } }
    },
  },
  {
    weight: 6,
    extras: [status, above, coupon, method, notRefunded],
    make: (v, random) => {
      const ids = severalOf(random, 5, () => readCustomer(random.below(v.customers), v).id)
      return { payload: { customer: { id: ids } } }
    },
  },
  {
    weight: 4,
    extras: [oneStatus, currency, noGift],
    make: (v, random) => ({ payload: { customer: { email: [readCustomer(random.below(v.customers), v).email] } } }),
  },
  {
    weight: 3,
    extras: [status, above],
    make: (v, random) => {
      const { email } = readCustomer(random.below(v.customers), v)
      return { payload: { customer: { email: [{ $ignoreCaseEquals: email.toUpperCase() }] } } }
    },
  },
  {
    weight: 4,
    extras: [status, currency, above, noGift],
    make: (v, random) => {
      const company = readCompany(random.below(v.companies))
      return { payload: { customer: { email: [{ $endsWith: `@${company}` }] } } }
    },
  },
  {
    weight: 3,
    extras: [status, attempts, express, notes],
    make: (v, random) => ({ payload: { reference: [{ $startsWith: readPurchase(random.below(v.purchases)) }] } }),
  },
  {
    weight: 3,
    extras: [status, method, below],
    make: (v, random) => {
      const pattern = `${readPurchase(random.below(v.purchases))}*-${random.pick(['A', 'B', 'K'])}`
      return { payload: { reference: [{ $wildcard: pattern }] } }
    },
  },
  {
    weight: 6,
    isAnyName: true,
    extras: [status, currency, above, noCoupon, either, notes],
    make: (v, random) => ({ payload: { tags: [{ $includes: readTag(random.below(v.tags)) }] } }),
  },
  {
    weight: 6,
    extras: [status, currency, above, express],
    make: (v, random) => {
      const { sku } = readSku(random.below(v.skus))
      const items: JsonObject = random.chance(0.5) ? { sku: [sku] } : { sku: [sku], quantity: [{ $gte: 2 }] }
      return { payload: { items } }
    },
  },
  {
    weight: 2,
    extras: [status],
    make: (v, random) => {
      const { price } = readSku(random.below(v.skus))
      return {
        payload: {
          items: { category: [random.pick(CATEGORIES)], price: [price] },
          currency: [random.pick(CURRENCIES)],
        },
      }
    },
  },
  {
    weight: 5,
    isAnyName: true,
    extras: [status, currency, method, coupon],
    make: (v, random) => {
      const low = random.below(TOTAL_MAX / 2)
      return {
        payload: {
          shipping: { postcode: [readPostcode(random.below(v.postcodes))] },
          total: [{ $between: [low, low + TOTAL_MAX / 2] }],
        },
      }
    },
  },
  {
    weight: 4,
    extras: [status, noGift, attempts],
    make: (v, random) => {
      const [low, high] = readTotals(random.below(v.totals), v)
      return { payload: { currency: [random.pick(CURRENCIES)], total: [{ $gte: low, $lte: high }] } }
    },
  },
  {
    weight: 2,
    extras: [status, express],
    make: (v, random) => {
      const day = random.below(v.days)
      const [$after, $before] = [day, day + 1].map((one) => new Date(readMoment(one, v) - 1).toISOString())
      const window = { $after: $after ?? '', $before: $before ?? '' }
      return { payload: { customer: { tier: [random.pick(TIERS)] }, createdAt: [window] } }
    },
  },
  {
    weight: 2,
    extras: [status, method],
    make: (v, random) => ({ payload: { ipAddress: [{ $cidr: `${readNetwork(random.below(v.networks))}.0/24` }] } }),
  },
  {
    weight: 3,
    extras: [status, currency],
    make: (v, random) => {
      const alternatives: JsonObject[] = [
        { orderId: [readOrderId(random.below(v.orders))] },
        { customer: { email: [readCustomer(random.below(v.customers), v).email] } },
      ]
      return { payload: { $or: alternatives } }
    },
  },
  {
    weight: 3,
    extras: [notRefunded, noCoupon, above],
    make: (v, random) => {
      const { id } = readCustomer(random.below(v.customers), v)
      return { payload: { customer: { id: [id], tier: [{ $anythingBut: ['free'] }] } } }
    },
  },
  {
    weight: 2,
    extras: [status, above],
    make: (v, random) => {
      const { id } = readCustomer(random.below(v.customers), v)
      const payload: JsonObject = random.chance(0.5)
        ? { $contains: { customer: { id } } }
        : { tags: [{ $contains: [readTag(random.below(v.tags))] }] }
      return { payload }
    },
  },
  {
    weight: 2,
    extras: [currency, above],
    make: (v, random) => {
      const { id } = readCustomer(random.below(v.customers), v)
      return { payload: { coupon: [{ $exists: true }], customer: { id: [id] } } }
    },
  },
  {
    weight: 3,
    isAnyName: true,
    extras: [status, above, currency],
    make: (v, random) => {
      const context = { tenantId: [readTenantId(random.below(v.tenants))] }
      return random.chance(0.5) ? { context } : { context, payload: { status: someOf(random, STATUSES, 4) } }
    },
  },
  {
    weight: 4,
    isAnyName: true,
    extras: [status, above, method],
    make: (v, random) => ({ externalAccountId: readAccountId(random.below(v.accounts)) }),
  },
]

/** From one up to `max` of the items, in their order. */
function someOf<Item extends string>(random: Random, items: readonly Item[], max: number): Item[] {
  const wanted = 1 + random.below(max)
  const first = random.below(items.length)
  return Array.from({ length: wanted }, (_, index) => items[(first + index) % items.length] as Item)
}

function severalOf(random: Random, max: number, make: () => string): string[] {
  return [...new Set(Array.from({ length: 2 + random.below(max - 1) }, make))]
}
