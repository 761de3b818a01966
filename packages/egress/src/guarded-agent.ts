import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls'
import { Client, type buildConnector, type Dispatcher } from 'undici'
import { createGuardedConnector } from './guarded-connector.js'
import type { GuardDeps, Host } from './resolve-and-check.js'

/** Bounds of the agent. */
export type GuardedAgentLimits = {
  readonly connectTimeoutMs: number
  readonly socketsPerOriginMax: number
  readonly waitingPerOriginMax: number
  readonly originsMax: number
}

/** What the agent is made of. */
export type GuardedAgentOptions = {
  readonly guard: GuardDeps
  readonly limits: GuardedAgentLimits
  /** Certificate authorities (PEM) trusted besides the usual ones, for receivers inside the operator's network. */
  readonly extraCertificates?: readonly string[]
}

/** An origin as a checked URL names it. */
export type Origin = Host & {
  readonly name: string
  /** The pool that its connections belong to: those of one owner are not another's to use up. */
  readonly poolKey: string
}

/** One kept-alive connection, used by one exchange at a time. */
export type Connection = {
  readonly dispatch: (options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler) => void
  /** The address that was dialled, once connected. */
  address: string | undefined
  /** Exchanges begun on the present socket: above 1, the socket was kept from an earlier one. */
  exchangesBegun: number
}

/** What gets a connection. */
export type Exchange = { readonly start: (connection: Connection) => void }

/** Hands out guarded connections; the caller gives each back by `release` or, when its socket is spoilt, `discard`. */
export type GuardedAgent = {
  /** False when the bounds leave no place. `fresh` wants a socket that no earlier exchange used. */
  readonly enter: (origin: Origin, exchange: Exchange, fresh: boolean) => boolean
  /** Takes back an exchange that was not started yet. */
  readonly withdraw: (origin: Origin, exchange: Exchange) => void
  readonly release: (connection: Connection) => void
  readonly discard: (connection: Connection) => void
  readonly count: () => { readonly origins: number; readonly connections: number }
  readonly close: () => void
}

type PooledConnection = Connection & {
  readonly pool: OriginPool
  readonly client: Client
  state: 'busy' | 'idle' | 'gone'
}

type OriginPool = {
  readonly key: string
  readonly name: string
  readonly connect: buildConnector.connector
  /** The most recently used last: what is not needed stays idle until its socket times out. */
  readonly idle: PooledConnection[]
  readonly waiting: Set<Exchange>
  size: number
}

type Agent = {
  readonly options: GuardedAgentOptions
  readonly secureContext: SecureContext
  readonly pools: Map<string, OriginPool>
}

/** Node servers close after 5 s of idleness; what closes first on our side can't race with a request. */
const KEEP_ALIVE_TIMEOUT_MS = 4_000

/** The most that a receiver's `Keep-Alive: timeout` may ask for. */
const KEEP_ALIVE_TIMEOUT_MAX_MS = 60_000

const RESPONSE_HEAD_BYTES_MAX = 16_384

/**
 * The only way out for URLs that tenants choose: HTTP/1.1 connections kept per origin, each dialled through the guard.
 * Proxy variables of the environment are not read and redirects not followed.
 */
export function createGuardedAgent(options: GuardedAgentOptions): GuardedAgent {
  const agent: Agent = { options, secureContext: createTrust(options.extraCertificates), pools: new Map() }
  return {
    enter: (origin, exchange, fresh) => enter(agent, origin, { exchange, fresh }),
    withdraw: (origin, exchange) => void agent.pools.get(origin.poolKey)?.waiting.delete(exchange),
    release: (connection) => release(connection as PooledConnection),
    discard: (connection) => discard(agent, connection as PooledConnection),
    count: () => {
      let connections = 0
      for (const pool of agent.pools.values()) connections += pool.size
      return { origins: agent.pools.size, connections }
    },
    close: () => {
      for (const pool of agent.pools.values()) discardIdle(agent, pool)
    },
  }
}

/** One context for all sockets: reading the list of authorities anew would cost milliseconds for each. */
function createTrust(extraCertificates: readonly string[] = []): SecureContext {
  const ca = extraCertificates.length === 0 ? undefined : [...rootCertificates, ...extraCertificates]
  return createSecureContext({ minVersion: 'TLSv1.2', ...(ca && { ca }) })
}

function enter(agent: Agent, origin: Origin, { exchange, fresh }: { exchange: Exchange; fresh: boolean }): boolean {
  const pool = agent.pools.get(origin.poolKey) ?? openPool(agent, origin)
  if (pool === undefined) return false
  if (fresh) {
    discardIdle(agent, pool)
    // A pool that lost its last connection has left the map.
    agent.pools.set(pool.key, pool)
  }
  const connection = pool.idle.pop() ?? openConnection(agent, pool)
  if (connection === undefined) {
    if (pool.waiting.size >= agent.options.limits.waitingPerOriginMax) return false
    pool.waiting.add(exchange)
    return true
  }
  connection.state = 'busy'
  exchange.start(connection)
  return true
}

function openPool(agent: Agent, origin: Origin): OriginPool | undefined {
  const { guard, limits } = agent.options
  if (agent.pools.size >= limits.originsMax && !evictIdlePool(agent)) return undefined
  const connect = createGuardedConnector(origin, {
    guard,
    connectTimeoutMs: limits.connectTimeoutMs,
    secureContext: agent.secureContext,
  })
  const pool: OriginPool = { key: origin.poolKey, name: origin.name, connect, idle: [], waiting: new Set(), size: 0 }
  agent.pools.set(origin.poolKey, pool)
  return pool
}

function evictIdlePool(agent: Agent): boolean {
  for (const pool of agent.pools.values()) {
    if (pool.idle.length < pool.size) continue
    discardIdle(agent, pool)
    return true
  }
  return false
}

function openConnection(agent: Agent, pool: OriginPool): PooledConnection | undefined {
  if (pool.size >= agent.options.limits.socketsPerOriginMax) return undefined
  const client = new Client(pool.name, {
    connect: (target, callback) => {
      pool.connect(target, (error, socket) => {
        if (error !== null) return callback(error, null)
        connection.address = socket.remoteAddress
        connection.exchangesBegun = 0
        callback(null, socket)
      })
    },
    pipelining: 1,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_TIMEOUT_MAX_MS,
    maxHeaderSize: RESPONSE_HEAD_BYTES_MAX,
    // Each exchange has its own deadline, which covers all of it.
    headersTimeout: 0,
    bodyTimeout: 0,
  })
  const connection: PooledConnection = {
    pool,
    client,
    state: 'busy',
    address: undefined,
    exchangesBegun: 0,
    dispatch: (options, handler) => void client.dispatch(options, handler),
  }
  client.on('disconnect', () => {
    if (connection.state === 'idle') discard(agent, connection)
  })
  pool.size += 1
  return connection
}

function release(connection: PooledConnection): void {
  if (connection.state !== 'busy') return
  const next = takeWaiting(connection.pool)
  if (next !== undefined) return next.start(connection)
  connection.state = 'idle'
  connection.pool.idle.push(connection)
}

function discard(agent: Agent, connection: PooledConnection): void {
  if (connection.state === 'gone') return
  const { pool } = connection
  if (connection.state === 'idle') pool.idle.splice(pool.idle.indexOf(connection), 1)
  connection.state = 'gone'
  pool.size -= 1
  connection.client.destroy(null, ignore)
  const next = takeWaiting(pool)
  if (next !== undefined) {
    const successor = openConnection(agent, pool)
    if (successor !== undefined) next.start(successor)
  } else if (pool.size === 0 && agent.pools.get(pool.key) === pool) {
    agent.pools.delete(pool.key)
  }
}

function discardIdle(agent: Agent, pool: OriginPool): void {
  for (const connection of pool.idle.slice()) discard(agent, connection)
}

function takeWaiting(pool: OriginPool): Exchange | undefined {
  for (const exchange of pool.waiting) {
    pool.waiting.delete(exchange)
    return exchange
  }
  return undefined
}

function ignore(): void {}
