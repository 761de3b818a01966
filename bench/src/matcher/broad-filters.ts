import type { DispatcherRule, JsonObject } from '@signalbox/domain'

/** A rule that a good part of its events meets. */
export interface BroadRule {
  readonly eventNames: DispatcherRule['eventNames']
  readonly source: string
  readonly payload?: JsonObject
  readonly context?: JsonObject
}

/** What every environment has some of, however many filters wait for something small. */
export const BROAD_RULES: readonly BroadRule[] = [
  { eventNames: ['order.paid'], source: '*', payload: { status: ['paid', 'authorized'] } },
  { eventNames: ['order.paid'], source: 'shop', payload: { currency: ['EUR'], total: [{ $gt: 40_000_000 }] } },
  {
    eventNames: ['order.created', 'order.updated'],
    source: 'shop',
    payload: { customer: { country: ['DE', 'AT', 'CH'] } },
  },
  { eventNames: ['order.created'], source: '*', payload: { customer: { tier: ['enterprise'] } } },
  { eventNames: ['order.created'], source: 'marketplace', payload: { shipping: { isExpress: [true] } } },
  { eventNames: ['order.shipped'], source: '*', payload: { payment: { method: ['card', 'paypal'] } } },
  { eventNames: ['order.*'], source: 'pos', payload: { payment: { method: ['invoice'] } } },
  { eventNames: ['payment.*'], source: '*', payload: { payment: { attempts: [{ $gte: 3 }] } } },
  { eventNames: ['*'], source: '*', payload: { total: [{ $gte: 97_000_000 }] } },
  { eventNames: ['*'], source: 'erp', context: { zone: ['us-east'] } },
  { eventNames: ['order.updated'], source: '*', context: { zone: [{ $startsWith: 'us-' }] } },
  { eventNames: ['order.delivered'], source: '*', payload: { coupon: [{ $exists: true }], isGift: [true] } },
  {
    eventNames: ['order.paid'],
    source: 'marketplace',
    payload: { notes: [{ $wildcard: '*fragile*' }], isGift: [true] },
  },
  { eventNames: ['stock.reserved'], source: '*' },
  { eventNames: ['invoice.created'], source: 'shop' },
  { eventNames: ['order.cancelled'], source: '*', payload: { $or: [{ status: ['paid'] }, { status: ['packed'] }] } },
  { eventNames: ['order.paid'], source: '*', payload: { items: { category: ['music'], quantity: [{ $gte: 4 }] } } },
  { eventNames: ['order.created'], source: 'shop', payload: { currency: [{ $ignoreCaseEquals: 'sek' }] } },
  { eventNames: ['order.created'], source: '*', payload: { customer: { region: ['NL-1', 'BE-2', 'FR-3'] } } },
  { eventNames: ['order.shipped'], source: 'shop', payload: { items: [{ $length: { $gte: 4 } }] } },
  { eventNames: ['payment.refunded'], source: '*', payload: { coupon: [{ $isNull: true }] } },
  // Nothing but negations: no index helps them.
  { eventNames: ['payment.failed'], source: '*', payload: { customer: { country: [{ $anythingBut: ['GB', 'CH'] }] } } },
  { eventNames: ['payment.refunded'], source: 'shop', payload: { coupon: [{ $exists: false }] } },
  { eventNames: ['order.cancelled'], source: 'shop', payload: { $nor: [{ isGift: [true] }, { status: ['open'] }] } },
]
