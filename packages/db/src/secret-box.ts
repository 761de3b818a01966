import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject, randomBytes } from 'node:crypto'

/** Why a box could not be made, or a sealed text not be opened. */
export type SecretBoxErrorCode =
  /** `SECRETS_MASTER_KEYS` can't be read. */
  | 'master_keys_invalid'
  /** The text was sealed with a key that is not (or no longer) configured. */
  | 'master_key_unknown'
  /** The text was changed, or belongs to another row. */
  | 'sealed_text_damaged'

/** A failure of sealing; its message names keys by their id and never holds a key or a secret. */
export class SecretBoxError extends Error {
  readonly code: SecretBoxErrorCode

  constructor(code: SecretBoxErrorCode, message: string) {
    super(message)
    this.name = 'SecretBoxError'
    this.code = code
  }
}

/** The row that a secret belongs to: a sealed text opens in that row and nowhere else. */
export interface SecretRow {
  organizationId: string
  table: string
  id: string
}

/** Seals secrets for the database with the first master key, opens what any of the master keys sealed. */
export interface SecretBox {
  seal(plain: string, rowIdentity: string): string
  open(sealed: string, rowIdentity: string): string
}

/** The form of a sealed text: `v1.<keyId>.<iv>.<tag>.<ciphertext>`, the last three base64url. */
const VERSION = 'v1'

/** NIST SP 800-38D: 96 random bits, good for 2^32 texts under one key, and the full tag. */
const CIPHER = 'aes-256-gcm'
const IV_BYTES = 12
const TAG_BYTES = 16
const KEY_BYTES = 32

/** A rotation needs two; more than a few means that nothing is ever sealed anew. */
const MASTER_KEYS_MAX = 16

/** No full stop, colon or comma: those part the fields of a sealed text and the entries of the setting. */
const KEY_ID = /^[A-Za-z0-9_-]{1,64}$/

/** The identity of a row as the sealed text is bound to it. */
export function toRowIdentity(row: SecretRow): string {
  return `${row.organizationId}/${row.table}/${row.id}`
}

/**
 * Makes a box from `SECRETS_MASTER_KEYS`: `id:key` entries parted by commas, each key 32 bytes as base64. The first
 * seals, all open. Throws a {@link SecretBoxError} that says which entry is wrong, without showing it.
 */
export function createSecretBox(masterKeys: string): SecretBox {
  const keys = parseMasterKeys(masterKeys)
  const [current] = keys
  if (current === undefined) throw invalidKeys('it is empty; make a key with: openssl rand -base64 32')
  const [currentId, currentKey] = current
  return {
    seal: (plain, rowIdentity) => seal({ keyId: currentId, key: currentKey, plain }, rowIdentity),
    open: (sealed, rowIdentity) => open(keys, sealed, rowIdentity),
  }
}

function parseMasterKeys(text: string): Map<string, KeyObject> {
  const entries = text.split(',').map((entry) => entry.trim())
  const named = entries.filter((entry) => entry !== '')
  if (named.length > MASTER_KEYS_MAX) throw invalidKeys(`it has more than ${MASTER_KEYS_MAX} keys`)
  const keys = new Map<string, KeyObject>()
  for (const [index, entry] of named.entries()) {
    const place = `entry ${index + 1}`
    const colon = entry.indexOf(':')
    // Without a colon the whole entry may be a key, so it is not repeated.
    if (colon < 0) throw invalidKeys(`${place} is not of the form id:base64key`)
    const id = entry.slice(0, colon)
    if (!KEY_ID.test(id)) throw invalidKeys(`the id of ${place} has other characters than letters, digits, _ and -`)
    if (keys.has(id)) throw invalidKeys(`${place} repeats the id "${id}"`)
    keys.set(id, readKey(id, entry.slice(colon + 1)))
  }
  return keys
}

function readKey(id: string, text: string): KeyObject {
  // Node skips what is not base64: a key with a typing error would become another, shorter one in silence.
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(text)) throw invalidKeys(`the key "${id}" is not base64`)
  const bytes = Buffer.from(text, 'base64')
  if (bytes.length !== KEY_BYTES) {
    throw invalidKeys(`the key "${id}" has ${bytes.length} bytes instead of ${KEY_BYTES}`)
  }
  return createSecretKey(bytes)
}

function invalidKeys(problem: string): SecretBoxError {
  return new SecretBoxError('master_keys_invalid', `SECRETS_MASTER_KEYS: ${problem}`)
}

function seal({ keyId, key, plain }: { keyId: string; key: KeyObject; plain: string }, rowIdentity: string): string {
  const iv = randomBytes(IV_BYTES)
  const cipher = createCipheriv(CIPHER, key, iv, { authTagLength: TAG_BYTES })
  cipher.setAAD(additionalData(keyId, rowIdentity))
  const ciphertext = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()])
  const parts = [iv, cipher.getAuthTag(), ciphertext].map((bytes) => bytes.toString('base64url'))
  return [VERSION, keyId, ...parts].join('.')
}

function open(keys: ReadonlyMap<string, KeyObject>, sealed: string, rowIdentity: string): string {
  const [version, keyId, ivText, tagText, ciphertextText, ...rest] = sealed.split('.')
  if (version !== VERSION || keyId === undefined || !KEY_ID.test(keyId) || rest.length > 0) throw damaged()
  const iv = decode(ivText)
  const tag = decode(tagText)
  const ciphertext = decode(ciphertextText)
  if (iv?.length !== IV_BYTES || tag?.length !== TAG_BYTES || ciphertext === undefined) throw damaged()
  const key = keys.get(keyId)
  if (key === undefined) {
    const message = `sealed with the master key "${keyId}", which SECRETS_MASTER_KEYS does not have`
    throw new SecretBoxError('master_key_unknown', message)
  }
  const decipher = createDecipheriv(CIPHER, key, iv, { authTagLength: TAG_BYTES })
  decipher.setAAD(additionalData(keyId, rowIdentity))
  decipher.setAuthTag(tag)
  try {
    return Buffer.concat([decipher.update(ciphertext), decipher.final()]).toString('utf8')
  } catch {
    // The cause says nothing more than that the tag differs.
    throw damaged()
  }
}

function additionalData(keyId: string, rowIdentity: string): Buffer {
  return Buffer.from(`${VERSION}.${keyId}.${rowIdentity}`)
}

/** Only the one spelling that `seal` writes: otherwise two texts would open to the same secret. */
function decode(text: string | undefined): Buffer | undefined {
  if (text === undefined) return undefined
  const bytes = Buffer.from(text, 'base64url')
  return bytes.toString('base64url') === text ? bytes : undefined
}

function damaged(): SecretBoxError {
  return new SecretBoxError('sealed_text_damaged', 'a sealed secret was changed or belongs to another row')
}
