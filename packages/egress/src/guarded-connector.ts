import { isIP, type LookupFunction } from 'node:net'
import type { SecureContext } from 'node:tls'
import { buildConnector } from 'undici'
import { type GuardDeps, type Host, type HostVerdict, resolveAndCheck } from './resolve-and-check.js'

/** The guard keeps this host shut. Its message tells the reason and nothing of the network behind us. */
class EgressRefusedError extends Error {
  readonly code = 'EGRESS_REFUSED'
}

/** The host has no address now. */
class HostUnresolvedError extends Error {
  readonly code = 'EGRESS_HOST_UNRESOLVED'
}

/** What each connection is made with. */
export type ConnectorOptions = {
  readonly guard: GuardDeps
  readonly connectTimeoutMs: number
  readonly secureContext: SecureContext
}

/** A host with a dozen addresses, all silent, would outlast the connect timeout anyway. */
const DIALLED_ADDRESSES_MAX = 4

/** A TLS session per origin is enough: all sockets of an origin share it. */
const TLS_SESSIONS_PER_ORIGIN = 1

/**
 * Makes the connector of one origin. The socket is given the very list of addresses that was checked and nothing that
 * could be resolved again; trying IPv6 and IPv4 side by side happens within that list. Host name and TLS server name
 * stay those of the URL.
 */
export function createGuardedConnector(host: Host, options: ConnectorOptions): buildConnector.connector {
  const connect = buildConnector({
    timeout: options.connectTimeoutMs,
    lookup: createGuardedLookup(host, options.guard),
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: Math.max(10, Math.floor(options.connectTimeoutMs / DIALLED_ADDRESSES_MAX)),
    secureContext: options.secureContext,
    // Named, so that NODE_TLS_REJECT_UNAUTHORIZED can't switch it off.
    rejectUnauthorized: true,
    allowH2: false,
    maxCachedSessions: TLS_SESSIONS_PER_ORIGIN,
  } as buildConnector.BuildOptions)
  if (isIP(host.hostname) === 0) return connect
  // A socket never calls its lookup for an address, so addresses are checked here.
  return (target, callback) => {
    void resolveAndCheck(host, options.guard).then((verdict) => {
      if (verdict.kind === 'allowed') connect(target, callback)
      else callback(toError(host, verdict), null)
    })
  }
}

function createGuardedLookup(host: Host, guard: GuardDeps): LookupFunction {
  // Sockets that an origin opens at once share one look-up. It isn't kept any longer: the DNS says for how long.
  let underWay: Promise<HostVerdict> | undefined
  return (_hostname, lookupOptions, callback) => {
    underWay ??= resolveAndCheck(host, guard).finally(() => {
      underWay = undefined
    })
    void underWay.then((verdict) => {
      if (verdict.kind !== 'allowed') return callback(toError(host, verdict), '')
      const dialled = verdict.addresses
        .slice(0, DIALLED_ADDRESSES_MAX)
        .map((address) => ({ address, family: isIP(address) }))
      const [first] = dialled
      if (lookupOptions.all === true || first === undefined) callback(null, dialled)
      else callback(null, first.address, first.family)
    })
  }
}

function toError(host: Host, verdict: Exclude<HostVerdict, { kind: 'allowed' }>): Error {
  return verdict.kind === 'refused'
    ? new EgressRefusedError(verdict.reason)
    : new HostUnresolvedError(`${host.hostname} could not be resolved`, { cause: verdict.cause })
}
