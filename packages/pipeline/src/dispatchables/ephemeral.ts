import type { ClaimedDelivery } from '@signalbox/domain'
import { z } from 'zod'
import type { DispatchableType } from './dispatchable-type.js'
import { sendSigned } from './send-signed.js'

/** Sends the first matching event to a URL; its dispatcher is gone by then. */
export const ephemeral: DispatchableType = {
  type: 'EPHEMERAL',
  schema: z.object({ type: z.literal('EPHEMERAL'), url: z.string(), timeoutInSeconds: z.int() }),
  carryOut: (delivery, target, ports) => sendSigned({ delivery, body: buildEphemeralBody(delivery) }, target, ports),
}

/** `{ id, source, name, payload, context, timestamp, accountId? }`, byte for byte the same at every attempt. */
export function buildEphemeralBody(delivery: ClaimedDelivery): string {
  const { eventId, name, source, timestamp, accountIdentifier } = delivery
  const { payload, context } = delivery.body
  const accountPart = accountIdentifier === null ? '' : `,"accountId":${JSON.stringify(accountIdentifier)}`
  return (
    `{"id":${JSON.stringify(eventId)},"source":${JSON.stringify(source)},"name":${JSON.stringify(name)}` +
    `,"payload":${payload},"context":${context},"timestamp":"${timestamp.toISOString()}"${accountPart}}`
  )
}
