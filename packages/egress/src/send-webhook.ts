import type { AttemptResult, WebhookRequest } from './attempt.js'
import { checkTargetUrl, hostnameOf, portOf } from './check-target-url.js'
import type { FailureCode } from './classify-failure.js'
import type { EgressAllow } from './egress-allow.js'
import { type ExchangeContext, startExchange, type Target } from './exchange.js'
import { createGuardedAgent, type GuardedAgent } from './guarded-agent.js'
import { createHostLookup, type HostLookup } from './host-lookup.js'

/** Settings of a sender. All but the allow-list have a default. */
export type SenderOptions = {
  readonly allow: EgressAllow
  readonly connectTimeoutMs?: number
  readonly lookup?: HostLookup
  readonly extraCertificates?: readonly string[]
  readonly socketsPerOriginMax?: number
  readonly waitingPerOriginMax?: number
  readonly originsMax?: number
  readonly exchangesMax?: number
}

/** Sends webhooks through the egress guard. */
export type Sender = {
  /** Makes one attempt. Never rejects for what the network or the receiver does. */
  readonly send: (request: WebhookRequest) => Promise<AttemptResult>
  /** What is open now, for gauges. */
  readonly count: () => { readonly exchanges: number; readonly origins: number; readonly connections: number }
  /** Takes no more requests, waits for those under way (each ends by its deadline) and closes every socket. */
  readonly close: () => Promise<void>
}

/** Standard Webhooks leaves it open; a TCP and TLS handshake across the world takes well below a second. */
const CONNECT_TIMEOUT_MS = 5_000

/** At 100 ms an answer this carries 640 requests a second to one receiver, more than most can take. */
const SOCKETS_PER_ORIGIN_MAX = 64
const WAITING_PER_ORIGIN_MAX = 1_024

/** Two bounds on file descriptors: origins with open sockets, and exchanges under way. */
const ORIGINS_MAX = 1_024
const EXCHANGES_MAX = 4_096

/** URLs whose check is remembered; the check takes some microseconds, the addresses are checked regardless. */
const REMEMBERED_TARGETS_MAX = 4_096

/** Makes a sender. It opens no socket before the first request. */
export function createSender(options: SenderOptions): Sender {
  const { allow, exchangesMax = EXCHANGES_MAX } = options
  const agent = createAgent(options)
  const findTarget = createTargetFinder(allow)
  let exchanges = 0
  let closing: { readonly ended: Promise<void>; readonly end: () => void } | undefined
  const context: ExchangeContext = {
    agent,
    onEnd: () => {
      exchanges -= 1
      if (exchanges === 0) closing?.end()
    },
  }
  return {
    send: (request) => {
      const target = findTarget(request.url, request.owner ?? '')
      if ('detail' in target)
        return Promise.resolve({ kind: 'refused', code: 'address_refused', detail: target.detail })
      if (closing !== undefined) return Promise.resolve(notStarted('sender_closed', 'the sender is closing'))
      if (exchanges >= exchangesMax) return Promise.resolve(notStarted('overloaded', 'too many requests under way'))
      exchanges += 1
      return startExchange(context, target, request)
    },
    count: () => ({ exchanges, ...agent.count() }),
    close: async () => {
      if (closing === undefined) {
        let end = (): void => {}
        const ended = new Promise<void>((resolve) => {
          end = resolve
        })
        closing = { ended, end }
        if (exchanges === 0) end()
      }
      await closing.ended
      agent.close()
    },
  }
}

function createAgent(options: SenderOptions): GuardedAgent {
  const { allow, lookup = createHostLookup({ allow }), extraCertificates } = options
  return createGuardedAgent({
    guard: { allow, lookup },
    limits: {
      connectTimeoutMs: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
      socketsPerOriginMax: options.socketsPerOriginMax ?? SOCKETS_PER_ORIGIN_MAX,
      waitingPerOriginMax: options.waitingPerOriginMax ?? WAITING_PER_ORIGIN_MAX,
      originsMax: options.originsMax ?? ORIGINS_MAX,
    },
    ...(extraCertificates && { extraCertificates }),
  })
}

type FoundTarget = Target | { readonly detail: string }

function createTargetFinder(allow: EgressAllow): (url: string, owner: string) => FoundTarget {
  const remembered = new Map<string, FoundTarget>()
  return (text, owner) => {
    const key = `${owner} ${text}`
    const known = remembered.get(key)
    if (known !== undefined) return known
    if (remembered.size >= REMEMBERED_TARGETS_MAX) remembered.clear()
    const target = parseTarget(text, { allow, owner })
    remembered.set(key, target)
    return target
  }
}

function parseTarget(text: string, { allow, owner }: { allow: EgressAllow; owner: string }): FoundTarget {
  const verdict = checkTargetUrl(text, allow)
  if (!verdict.ok) return { detail: verdict.message }
  const { url } = verdict
  return {
    origin: { name: url.origin, poolKey: `${owner} ${url.origin}`, hostname: hostnameOf(url), port: portOf(url) },
    path: `${url.pathname}${url.search}`,
  }
}

function notStarted(code: FailureCode, detail: string): AttemptResult {
  return { kind: 'failed', code, detail, durationMs: 0, reusedSocket: false }
}
