import { isIP } from 'node:net'
import { checkTargetUrl, hostnameOf, portOf, type TargetUrlVerdict } from './check-target-url.js'
import { checkDialTarget, type EgressAllow } from './egress-allow.js'
import type { HostLookup } from './host-lookup.js'

/** Whose addresses to look at. */
export type Host = { readonly hostname: string; readonly port: number }

/** What the guard needs to judge a host. */
export type GuardDeps = { readonly allow: EgressAllow; readonly lookup: HostLookup }

/** What `resolveAndCheck` answers. */
export type HostVerdict =
  | { readonly kind: 'allowed'; readonly addresses: readonly string[] }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'unresolved'; readonly cause: unknown }

/** More answers than any honest name has. All are checked; a name with more than this is refused, not cut. */
const ADDRESSES_MAX = 64

/** How long the creation of a target waits for the DNS; the host is checked at each connection anyway. */
const CREATION_LOOKUP_TIMEOUT_MS = 3_000

/** Finds every address of a host and checks each. One refused answer among many refuses the host. */
export async function resolveAndCheck({ hostname, port }: Host, deps: GuardDeps): Promise<HostVerdict> {
  let addresses: readonly string[]
  try {
    addresses = isIP(hostname) === 0 ? await deps.lookup(hostname) : [hostname]
  } catch (cause) {
    return { kind: 'unresolved', cause }
  }
  if (addresses.length === 0) return { kind: 'unresolved', cause: new Error(`${hostname} has no address`) }
  if (addresses.length > ADDRESSES_MAX) {
    return { kind: 'refused', reason: `the host has more than ${ADDRESSES_MAX} addresses` }
  }
  for (const address of addresses) {
    const verdict = checkDialTarget({ hostname, address, port }, deps.allow)
    if (!verdict.allowed) return { kind: 'refused', reason: verdict.reason }
  }
  return { kind: 'allowed', addresses }
}

/**
 * The whole check for the moment a URL is written down: what `checkTargetUrl` sees, and the addresses that the host
 * has now. A host that the DNS doesn't know (yet) passes, since each connection is checked again.
 */
export async function checkNewTarget(text: string, deps: GuardDeps): Promise<TargetUrlVerdict> {
  const verdict = checkTargetUrl(text, deps.allow)
  if (!verdict.ok) return verdict
  const host = { hostname: hostnameOf(verdict.url), port: portOf(verdict.url) }
  const resolved = await beforeTimeout(resolveAndCheck(host, deps))
  if (resolved?.kind !== 'refused') return verdict
  return { ok: false, code: 'address_refused', message: `The host is refused: ${resolved.reason}.` }
}

async function beforeTimeout<T>(promise: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, CREATION_LOOKUP_TIMEOUT_MS, undefined)
  })
  try {
    return await Promise.race([promise, timeout])
  } finally {
    clearTimeout(timer)
  }
}
