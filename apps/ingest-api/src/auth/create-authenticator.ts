import type { KeyRecord, KeyStore } from '@signalbox/db'
import type { Environment } from '@signalbox/domain'
import { type Access, type Credential, problem, type ProblemAnswer } from '../route.js'
import { createKeyCache, hashForCache } from './create-key-cache.js'
import { type BucketRate, createRateLimiter } from './create-rate-limiter.js'

/** Who a request comes from, or why it may not go on. */
export type Authentication = { environment: Environment; credential: Credential } | ProblemAnswer

/** What of a request tells who it comes from. */
export interface AuthenticationRequest {
  authorization: string | undefined
  url: string
  access: Access
  /** Asked for only when authentication fails. */
  readAddress: () => string
}

/** Finds the environment of a request's key; answers at once when the key is known. */
export type Authenticator = (request: AuthenticationRequest) => Authentication | Promise<Authentication>

/** Addresses whose failures are counted; the least recent are forgotten first. */
const ADDRESSES_MAX = 10_000

const KEY = /^(?:tr|pk)_[a-z]+_[a-zA-Z0-9]+$/
const KEY_CHARACTERS_MAX = 255
const BEARER = /^bearer(?: +|$)/i
const BASIC = /^basic(?: |$)/i
/** A part of a URL, once decoded, that can't be anything but a key. */
const KEY_IN_URL = /(?:^|[/?&=;+ ])(?:tr|pk)_[a-z]+_[a-zA-Z0-9]{16,}(?![a-zA-Z0-9_])/i

const CHALLENGE = { 'www-authenticate': 'Bearer realm="signalbox"' }

/** Creates the authenticator. `failuresPerMinute` bounds the wrong keys of one address. */
export function createAuthenticator(deps: { keys: KeyStore; failuresPerMinute: number }): Authenticator {
  const cache = createKeyCache(deps.keys)
  const failures = createRateLimiter(ADDRESSES_MAX)
  const rate: BucketRate = { capacity: deps.failuresPerMinute, perSecond: deps.failuresPerMinute / 60 }

  const refuse = (address: string): ProblemAnswer => {
    const decision = failures.take(address, 1, rate)
    if (!decision.isAllowed) return tooManyFailures(decision.waitMs)
    return problem('unauthenticated', 'The key is unknown, revoked or expired', { headers: CHALLENGE })
  }

  const judge = (request: AuthenticationRequest, record: KeyRecord | undefined): Authentication => {
    if (record === undefined || isExpired(record)) return refuse(request.readAddress())
    const { environment, kind, keyId } = record
    if (kind === 'public' && request.access === 'secret') {
      return problem('forbidden', 'A public key may not do this: use a secret key, on a server')
    }
    return { environment, credential: { kind, keyId } }
  }

  return (request) => {
    if (holdsKey(request.url)) {
      const detail =
        'Keys are not taken from URLs, which are logged along the way: send it as Authorization, and revoke it'
      return problem('key_in_url', detail, { headers: CHALLENGE })
    }
    const key = request.authorization?.trim().replace(BEARER, '')
    if (key === undefined) return refuseForm('The header Authorization: Bearer <key> is missing')
    if (key === '') return refuseForm('The key is empty')
    if (BASIC.test(key)) return refuseForm('Basic is not taken here; send Bearer')
    if (key.length > KEY_CHARACTERS_MAX || !KEY.test(key)) return refuse(request.readAddress())
    const hash = hashForCache(key)
    const known = cache.peek(hash)
    if (known !== undefined) return judge(request, known.record)
    // An address that guessed too often is not looked up for any more, but for keys that were good before.
    if (!cache.wasGood(hash)) {
      const decision = failures.peek(request.readAddress(), rate)
      if (!decision.isAllowed) return tooManyFailures(decision.waitMs)
    }
    return cache.load(hash).then((record) => judge(request, record))
  }
}

// Nearly all URLs have neither an underscore nor an escape, and no more is looked at then.
function holdsKey(url: string): boolean {
  if (!url.includes('_') && !url.includes('%')) return false
  try {
    return KEY_IN_URL.test(decodeURIComponent(url))
  } catch {
    return KEY_IN_URL.test(url)
  }
}

/** Refuses what holds no key, and so is no guess of one. */
function refuseForm(detail: string): ProblemAnswer {
  return problem('unauthenticated', detail, { headers: CHALLENGE })
}

function isExpired({ expiresAt }: KeyRecord): boolean {
  return expiresAt !== null && expiresAt.getTime() <= Date.now()
}

function tooManyFailures(waitMs: number): ProblemAnswer {
  const headers = { 'retry-after': String(Math.max(1, Math.ceil(waitMs / 1000))) }
  return problem('rate_limited', 'Too many wrong keys came from this address', { headers })
}
