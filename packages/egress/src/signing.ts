import { createHmac, sign } from 'node:crypto'
import { parseSigningSecret, type SigningKey } from './signing-secret.js'

/** What is signed. The body is exactly what is sent; the id is the same for all attempts of a delivery. */
export type SignableMessage = {
  readonly id: string
  readonly timestampSeconds: number
  readonly body: string | Buffer
}

/** The three headers of Standard Webhooks. */
export type SignatureHeaders = {
  readonly 'webhook-id': string
  readonly 'webhook-timestamp': string
  readonly 'webhook-signature': string
}

/** Signs messages with secrets that were read once. */
export type Signer = (message: SignableMessage) => SignatureHeaders

/** A rotation needs two; each one more makes the header longer for the receiver. */
const SECRETS_MAX = 5

/** Printable ASCII without the full stop, which parts id, timestamp and body in the signed text. */
const MESSAGE_ID = /^[\x21-\x2d\x2f-\x7e]{1,256}$/

/**
 * Makes a signer after Standard Webhooks: `v1` signatures (HMAC-SHA256) for `whsec_` secrets, `v1a` (ed25519) for
 * `whsk_` keys; several secrets sign side by side while one replaces the other. Throws on a secret that
 * `parseSigningSecret` refuses: those are refused when they are written down.
 */
export function createSigner(secrets: readonly string[]): Signer {
  if (secrets.length === 0 || secrets.length > SECRETS_MAX) {
    throw new RangeError(`a webhook is signed with 1 to ${SECRETS_MAX} secrets, not ${secrets.length}`)
  }
  const keys = secrets.map((secret) => {
    const parsed = parseSigningSecret(secret)
    if (!parsed.ok) throw new TypeError(parsed.message)
    return parsed.key
  })
  return (message) => signWithKeys(message, keys)
}

/** Signs one message. For many with the same secrets, keep a `createSigner`. */
export function signWebhook({
  secrets,
  ...message
}: SignableMessage & { secrets: readonly string[] }): SignatureHeaders {
  return createSigner(secrets)(message)
}

function signWithKeys({ id, timestampSeconds, body }: SignableMessage, keys: readonly SigningKey[]): SignatureHeaders {
  if (!MESSAGE_ID.test(id)) throw new TypeError('a message id is 1 to 256 printable ASCII characters without "."')
  if (!Number.isSafeInteger(timestampSeconds) || timestampSeconds < 0) {
    throw new TypeError('a message timestamp is a whole number of seconds')
  }
  const head = `${id}.${timestampSeconds}.`
  let signatures = ''
  for (const key of keys) {
    if (signatures !== '') signatures += ' '
    signatures += signWithKey(head, body, key)
  }
  return { 'webhook-id': id, 'webhook-timestamp': String(timestampSeconds), 'webhook-signature': signatures }
}

function signWithKey(head: string, body: string | Buffer, key: SigningKey): string {
  if (key.kind === 'hmac') {
    return `v1,${createHmac('sha256', key.secret).update(head).update(body).digest('base64')}`
  }
  const signed = Buffer.concat([Buffer.from(head), typeof body === 'string' ? Buffer.from(body) : body])
  return `v1a,${sign(null, signed, key.privateKey).toString('base64')}`
}
