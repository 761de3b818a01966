import type { JsonObject } from '@signalbox/domain'

/**
 * A body for each POST, by the operation's id: those that the pages of the documentation show. They work as they are, but
 * for what stands between angle brackets.
 */
export const BODY_EXAMPLES: Readonly<Record<string, JsonObject>> = {
  sendEvent: {
    event: { name: 'invoice.paid', id: 'in_1:paid', payload: { amount: 1200 } },
    options: { accountId: 'customer-7' },
  },
  sendEvents: {
    events: [
      { name: 'invoice.paid', id: 'in_1:paid' },
      { name: 'invoice.paid', id: 'in_2:paid' },
    ],
  },
  // To all that match; the id of a dispatcher is the reader's own.
  replayEvent: {},
  createAccount: { identifier: 'customer-7' },
  createEventDispatcher: {
    event: ['order.paid', 'refund.*'],
    payloadFilter: { currency: ['EUR'], total: [{ $gte: 100 }] },
    dispatchable: { type: 'WEBHOOK', id: '<webhook endpoint>' },
    dispatchableId: 'large-orders',
  },
  createEphemeralEventDispatcher: {
    url: 'https://example.com/once',
    name: 'payment.settled',
    filter: { id: ['pay_1'] },
    timeoutInSeconds: 600,
  },
  testEventDispatcher: {
    event: { name: 'order.paid', payload: { total: 42 } },
    filter: { total: [{ $gte: 100 }] },
  },
  createWebhookEndpoint: { url: 'https://example.com/hooks', events: ['invoice.*', 'customer.created'] },
  rotateWebhookSecret: { overlapSeconds: 3600 },
}
