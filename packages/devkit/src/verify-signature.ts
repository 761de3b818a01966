import { createHmac, timingSafeEqual } from 'node:crypto'

/** The headers of a webhook, lower case, as node:http gives them. */
export type WebhookHeaders = Readonly<Record<string, string | string[] | undefined>>

const SECRET_PREFIX = 'whsec_'
/** Standard Webhooks asks receivers to refuse what is older or newer than this. */
const TOLERANCE_SECONDS = 5 * 60

/** Verifies a webhook as any receiver would, by the text of Standard Webhooks; shares no code with what signs. */
export function isSignatureValid(
  secret: string,
  { headers, body }: { readonly headers: WebhookHeaders; readonly body: Buffer },
  nowSeconds: number = Date.now() / 1000,
): boolean {
  const id = headers['webhook-id']
  const timestamp = headers['webhook-timestamp']
  const signatures = headers['webhook-signature']
  if (typeof id !== 'string' || typeof timestamp !== 'string' || typeof signatures !== 'string') return false
  if (!/^\d+$/.test(timestamp) || Math.abs(nowSeconds - Number(timestamp)) > TOLERANCE_SECONDS) return false
  const key = Buffer.from(secret.startsWith(SECRET_PREFIX) ? secret.slice(SECRET_PREFIX.length) : secret, 'base64')
  const expected = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest()
  return signatures.split(' ').some((signature) => {
    const [version, encoded = ''] = signature.split(',', 2)
    const given = Buffer.from(encoded, 'base64')
    return version === 'v1' && given.length === expected.length && timingSafeEqual(given, expected)
  })
}
