import { parseEgressAllow } from '@signalbox/egress'

/** Loopback addresses, where the receivers of a developer are. */
const LOOPBACK = ['127.0.0.0/8', '::1', 'localhost']

/** Joins what `npm start` opens in the egress guard with what `EGRESS_ALLOW` names. @throws Error that names an entry that can't be read. */
export function joinEgressAllow(given: string | undefined): string {
  const entries = (given ?? '').split(',').map((entry) => entry.trim())
  const joined = [...new Set([...LOOPBACK, ...entries.filter((entry) => entry !== '')])].join(',')
  const parsed = parseEgressAllow(joined)
  if (!parsed.ok) throw new Error(parsed.message)
  return joined
}
