import type { AttemptReading, ClaimedDelivery, DispatchTarget } from '@signalbox/domain'
import type { DispatchablePorts } from './dispatchable-type.js'
import { readHttpResult } from './read-http-result.js'

/** Sends a JSON body to the target, signed as Standard Webhooks says, with the event's trace carried on. */
export async function sendSigned(
  message: { delivery: ClaimedDelivery; body: string },
  target: DispatchTarget,
  ports: DispatchablePorts,
): Promise<AttemptReading> {
  const { delivery, body } = message
  const timestampSeconds = Math.floor(ports.now().getTime() / 1_000)
  const traceParent = delivery.traceParent === null ? undefined : ports.continueTrace(delivery.traceParent)
  const headers = {
    'user-agent': ports.userAgent,
    // In lower case, as they are stored: they may name another sender.
    ...target.headers,
    'content-type': 'application/json',
    ...ports.sign({ id: delivery.deliveryId, timestampSeconds, body, secrets: target.secrets }),
    ...(traceParent === undefined ? {} : { traceparent: traceParent }),
  }
  const { url, method, timeoutMs } = target
  return readHttpResult(await ports.send({ url, method, headers, body, timeoutMs, owner: delivery.organizationId }))
}
