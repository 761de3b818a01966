import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto'

/** A secret or key that has been read, ready to sign. */
export type SigningKey =
  | { readonly kind: 'hmac'; readonly secret: Buffer }
  | { readonly kind: 'ed25519'; readonly privateKey: KeyObject }

/** What `parseSigningSecret` answers. The message never repeats the secret. */
export type SigningSecretParsed =
  | { readonly ok: true; readonly key: SigningKey }
  | { readonly ok: false; readonly message: string }

/** An ed25519 pair in the spelling of Standard Webhooks: the receiver gets the public key only. */
export type SigningKeyPair = { readonly secretKey: string; readonly publicKey: string }

const HMAC_PREFIX = 'whsec_'
const PRIVATE_KEY_PREFIX = 'whsk_'
const PUBLIC_KEY_PREFIX = 'whpk_'

/** Standard Webhooks: "between 24 bytes (192 bits) and 64 bytes (512 bits)". */
const HMAC_SECRET_BYTES_MIN = 24
const HMAC_SECRET_BYTES_MAX = 64

/** As long as the digest that it keys. */
const HMAC_SECRET_BYTES = 32

const ED25519_KEY_BYTES = 32

/** The DER head of a raw ed25519 private key, RFC 8410 section 7. */
const ED25519_PKCS8_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex')

/** Makes a new secret for symmetric signatures: `whsec_` and 32 random bytes. */
export function createSigningSecret(): string {
  return `${HMAC_PREFIX}${randomBytes(HMAC_SECRET_BYTES).toString('base64')}`
}

/** Makes a new pair for asymmetric signatures: `whsk_` (seed and public key, 64 bytes) and `whpk_` (32 bytes). */
export function createSigningKeyPair(): SigningKeyPair {
  const { privateKey } = generateKeyPairSync('ed25519')
  const seed = privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(ED25519_PKCS8_HEAD.length)
  const publicKey = exportPublicKey(privateKey)
  return {
    secretKey: `${PRIVATE_KEY_PREFIX}${Buffer.concat([seed, publicKey]).toString('base64')}`,
    publicKey: `${PUBLIC_KEY_PREFIX}${publicKey.toString('base64')}`,
  }
}

/** Reads a secret (`whsec_…`) or a private key (`whsk_…`), one made here or one that the tenant brought along. */
export function parseSigningSecret(text: string): SigningSecretParsed {
  if (text.startsWith(HMAC_PREFIX)) return parseHmacSecret(text.slice(HMAC_PREFIX.length))
  if (text.startsWith(PRIVATE_KEY_PREFIX)) return parsePrivateKey(text.slice(PRIVATE_KEY_PREFIX.length))
  return invalid(`A signing secret begins with ${HMAC_PREFIX} or ${PRIVATE_KEY_PREFIX}.`)
}

function parseHmacSecret(base64: string): SigningSecretParsed {
  const secret = decodeBase64(base64)
  if (secret === undefined) return invalid(`What follows ${HMAC_PREFIX} is not base64.`)
  if (secret.length < HMAC_SECRET_BYTES_MIN || secret.length > HMAC_SECRET_BYTES_MAX) {
    return invalid(`A signing secret has ${HMAC_SECRET_BYTES_MIN} to ${HMAC_SECRET_BYTES_MAX} bytes.`)
  }
  return { ok: true, key: { kind: 'hmac', secret } }
}

function parsePrivateKey(base64: string): SigningSecretParsed {
  const bytes = decodeBase64(base64)
  if (bytes === undefined) return invalid(`What follows ${PRIVATE_KEY_PREFIX} is not base64.`)
  if (bytes.length !== ED25519_KEY_BYTES && bytes.length !== 2 * ED25519_KEY_BYTES) {
    return invalid('An ed25519 private key has 32 bytes, or 64 with its public key.')
  }
  const der = Buffer.concat([ED25519_PKCS8_HEAD, bytes.subarray(0, ED25519_KEY_BYTES)])
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  const publicKey = bytes.subarray(ED25519_KEY_BYTES)
  // A pair that doesn't belong together would sign what no receiver can verify.
  if (publicKey.length > 0 && !publicKey.equals(exportPublicKey(privateKey))) {
    return invalid('The public half of the ed25519 key does not belong to its private half.')
  }
  return { ok: true, key: { kind: 'ed25519', privateKey } }
}

function exportPublicKey(privateKey: KeyObject): Buffer {
  return createPublicKey(privateKey).export({ format: 'der', type: 'spki' }).subarray(-ED25519_KEY_BYTES)
}

/** Node skips what is not base64; a secret with a typing error would become another secret in silence. */
function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64')
  const canonical = bytes.toString('base64')
  return text === canonical || text === canonical.replace(/=+$/, '') ? bytes : undefined
}

function invalid(message: string): SigningSecretParsed {
  return { ok: false, message }
}
