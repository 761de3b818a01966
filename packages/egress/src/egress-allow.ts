import { type AddressBlock, classifyAddress, parseAddressBlock } from './address-guard.js'

/** What an operator opens in the egress guard. Made by `parseEgressAllow` only. */
export type EgressAllow = { readonly blocks: readonly AllowedBlock[]; readonly hosts: readonly AllowedHost[] }

type AllowedBlock = { readonly block: AddressBlock; readonly port: number | undefined }

/** `isSuffix`: the name stands for every host below it, not for itself. */
type AllowedHost = { readonly name: string; readonly isSuffix: boolean; readonly port: number | undefined }

/** What `parseEgressAllow` answers; the message names the entry that can't be read. */
export type EgressAllowParsed =
  | { readonly ok: true; readonly allow: EgressAllow }
  | { readonly ok: false; readonly message: string }

/** Where a connection is about to go. `hostname` is what the URL says, `address` what is dialled. */
export type DialTarget = { readonly hostname: string; readonly address: string; readonly port: number }

/** What `checkDialTarget` answers; the reason is a sentence that tells nothing of the network behind us. */
export type DialVerdict = { readonly allowed: true } | { readonly allowed: false; readonly reason: string }

/** Every check walks the list, so it stays short. */
const ENTRIES_MAX = 256

/** The first port that an unprivileged process can listen on; below it live mail, databases of old and remote shells. */
const UNPRIVILEGED_PORT_MIN = 1024

const NAME = /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*$/

/** Ranges that no receiver has: an allowed name that resolves there is a mistake or an attack on the name. */
const NEVER_OPENED_BY_NAME: ReadonlySet<string> = new Set([
  'not_an_address',
  'zone_id',
  'metadata',
  'link_local',
  'unspecified',
  'multicast',
  'broadcast',
  'embedded_ipv4',
])

/**
 * Reads `EGRESS_ALLOW`: entries separated by commas, each a CIDR or address (`10.0.0.0/8`, `::1`), a host
 * (`hooks.internal.example`) or every host below a name (`.internal.example`), with a port where only that port is
 * meant (`10.1.2.3:587`, `[::1]:8080`).
 */
export function parseEgressAllow(text: string): EgressAllowParsed {
  const entries = text.split(',').map((entry) => entry.trim())
  const named = entries.filter((entry) => entry !== '')
  if (named.length > ENTRIES_MAX) return { ok: false, message: `EGRESS_ALLOW has more than ${ENTRIES_MAX} entries` }
  const blocks: AllowedBlock[] = []
  const hosts: AllowedHost[] = []
  for (const entry of named) {
    const parsed = parseEntry(entry)
    if (parsed === undefined) {
      return {
        ok: false,
        message: `EGRESS_ALLOW: "${entry.slice(0, 100)}" is not a CIDR, an address, a host or a .suffix (each with an optional :port)`,
      }
    }
    if ('block' in parsed) blocks.push(parsed)
    else hosts.push(parsed)
  }
  return { ok: true, allow: { blocks, hosts } }
}

/** The last word before a connection: may this host be dialled at this address and port? */
export function checkDialTarget(target: DialTarget, allow: EgressAllow): DialVerdict {
  const blocks = allow.blocks.filter(
    ({ block, port }) => (port === undefined || port === target.port) && block.contains(target.address),
  )
  const hosts = findHostEntries(target.hostname, target.port, allow)
  const portIsOpen = isOrdinaryPort(target.port) || [...blocks, ...hosts].some((entry) => entry.port === target.port)
  if (!portIsOpen) return { allowed: false, reason: `port ${target.port} is not allowed` }

  const verdict = classifyAddress(target.address)
  if (verdict.allowed) return verdict
  // A wide block opens its neighbourhood, not the one address in it that hands out credentials.
  const opening = verdict.reason === 'metadata' ? blocks.filter(({ block }) => block.isSingleAddress) : blocks
  if (opening.length > 0) return { allowed: true }
  if (hosts.length > 0 && !NEVER_OPENED_BY_NAME.has(verdict.reason)) return { allowed: true }
  return { allowed: false, reason: `the address is not public (${verdict.reason.replaceAll('_', ' ')})` }
}

/** Whether the operator named this host, for this port or, without one, for any. */
export function isAllowedHost(hostname: string, port: number | undefined, allow: EgressAllow): boolean {
  return findHostEntries(hostname, port, allow).length > 0
}

/** Whether this port could be dialled on this host, for the best address that the host can have. */
export function isPossiblePort(hostname: string, port: number, allow: EgressAllow): boolean {
  return (
    isOrdinaryPort(port) ||
    allow.blocks.some((entry) => entry.port === port) ||
    findHostEntries(hostname, port, allow).some((entry) => entry.port === port)
  )
}

function isOrdinaryPort(port: number): boolean {
  return port === 80 || port === 443 || (port >= UNPRIVILEGED_PORT_MIN && port <= 65_535)
}

function findHostEntries(hostname: string, port: number | undefined, allow: EgressAllow): AllowedHost[] {
  return allow.hosts.filter(
    (entry) =>
      (port === undefined || entry.port === undefined || entry.port === port) &&
      (entry.isSuffix ? hostname.endsWith(`.${entry.name}`) : hostname === entry.name),
  )
}

function parseEntry(entry: string): AllowedBlock | AllowedHost | undefined {
  const block = parseAddressBlock(entry)
  if (block !== undefined) return { block, port: undefined }
  const bracketed = /^\[([^\]]+)\](?::(\d{1,5}))?$/.exec(entry)
  const match = bracketed ?? /^([^:]+)(?::(\d{1,5}))?$/.exec(entry)
  const subject = match?.[1]
  const portText = match?.[2]
  if (subject === undefined) return undefined
  const port = portText === undefined ? undefined : Number(portText)
  if (port !== undefined && (port < 1 || port > 65_535)) return undefined
  const blockWithPort = parseAddressBlock(subject)
  if (blockWithPort !== undefined) return { block: blockWithPort, port }
  return bracketed === null ? parseHostEntry(subject.toLowerCase(), port) : undefined
}

function parseHostEntry(subject: string, port: number | undefined): AllowedHost | undefined {
  const isSuffix = subject.startsWith('.')
  const name = isSuffix ? subject.slice(1) : subject
  // A last label of digits makes a URL parser read the whole as an IPv4 address: it is a mistyped one.
  if (!NAME.test(name) || /(?:^|\.)(?:\d+|0x[0-9a-f]*)$/.test(name)) return undefined
  return { name, isSuffix, port }
}
