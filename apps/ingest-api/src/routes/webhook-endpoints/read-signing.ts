import { createPublicKey } from 'node:crypto'
import type { SigningSecret, SigningVersion } from '@signalbox/db'
import { createSigningKeyPair, createSigningSecret, parseSigningSecret } from '@signalbox/egress'
import type { ProblemAnswer } from '../../route.js'
import { refuseField } from '../refuse-field.js'

const PUBLIC_KEY_PREFIX = 'whpk_'
const ED25519_KEY_BYTES = 32

/** Makes a new secret of a scheme. */
export function makeSigningSecret(signing: SigningVersion): SigningSecret {
  if (signing === 'v1') return { secret: createSigningSecret() }
  const { secretKey, publicKey } = createSigningKeyPair()
  return { secret: secretKey, publicKey }
}

/** Reads the secret that a caller brought along, or makes one. */
export function readSigning(input: {
  secret?: string | undefined
  signing?: SigningVersion | undefined
}): { signing: SigningSecret } | ProblemAnswer {
  if (input.secret === undefined) return { signing: makeSigningSecret(input.signing ?? 'v1') }
  const parsed = parseSigningSecret(input.secret)
  if (!parsed.ok) {
    return refuseField('invalid', { pointer: '/secret', code: 'invalid_secret', message: parsed.message })
  }
  const { key } = parsed
  const version = key.kind === 'hmac' ? 'v1' : 'v1a'
  if (input.signing !== undefined && input.signing !== version) {
    const message = `The secret is one for ${version}`
    return refuseField('invalid', { pointer: '/signing', code: 'wrong_signing', message })
  }
  if (key.kind === 'hmac') return { signing: { secret: input.secret } }
  const der = createPublicKey(key.privateKey).export({ format: 'der', type: 'spki' })
  const publicKey = `${PUBLIC_KEY_PREFIX}${der.subarray(-ED25519_KEY_BYTES).toString('base64')}`
  return { signing: { secret: input.secret, publicKey } }
}

/** What the caller learns of a secret that was just made: the private half of a key pair is of no use to a receiver. */
export function showSigning({ secret, publicKey }: SigningSecret): { secret: string } | { publicKey: string } {
  return publicKey === undefined ? { secret } : { publicKey }
}
