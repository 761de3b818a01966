import type { ClaimedDelivery } from '@signalbox/domain'
import { z } from 'zod'
import type { DispatchableType } from './dispatchable-type.js'
import { sendSigned } from './send-signed.js'

/** Sends the event to a webhook endpoint, as often as the endpoint's retry policy says. */
export const webhook: DispatchableType = {
  type: 'WEBHOOK',
  schema: z.object({ type: z.literal('WEBHOOK'), id: z.guid('must be the id of a webhook endpoint') }),
  carryOut: (delivery, target, ports) => sendSigned({ delivery, body: buildWebhookBody(delivery) }, target, ports),
}

/** The body is made from stored text that does not change, so that every attempt sends the same bytes. */
export function buildWebhookBody(delivery: ClaimedDelivery): string {
  const { eventId, name, source, timestamp, accountIdentifier } = delivery
  const { payload, context } = delivery.body
  const contextPart = context === '{}' ? '' : `,"context":${context}`
  const accountPart = accountIdentifier === null ? '' : `,"accountId":${JSON.stringify(accountIdentifier)}`
  return (
    `{"id":${JSON.stringify(eventId)},"type":${JSON.stringify(name)},"timestamp":"${timestamp.toISOString()}"` +
    `,"data":${payload}${contextPart},"source":${JSON.stringify(source)}${accountPart}}`
  )
}
