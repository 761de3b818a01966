/** An IP address as its groups: 4 of 8 bits, or 8 of 16 bits. */
export type Groups = readonly number[]

/** An IP network: an address and how many of its leading bits count. */
export interface IpRange {
  readonly groups: Groups
  readonly bits: number
}

/** The longest text of an IP address: an IPv6 address that ends in an IPv4 one. */
const IP_TEXT_LENGTH_MAX = 45

const IPV4_PART_LENGTH_MAX = 3
const DOT = 0x2e
const DIGIT_0 = 0x30
const DIGIT_9 = 0x39

/** The groups before the IPv4 address in an IPv4-mapped IPv6 address, `::ffff:0:0/96` (RFC 4291, section 2.5.5.2). */
const MAPPED_PREFIX: Groups = [0, 0, 0, 0, 0, 0xffff]

/** Reads `address/bits` (RFC 4632; RFC 4291, section 2.3). Bits after the prefix are ignored. Undefined when invalid. */
export function parseIpRange(text: string): IpRange | undefined {
  const slash = text.indexOf('/')
  if (slash === -1) return undefined
  const groups = parseIp(text.slice(0, slash))
  const bitsText = text.slice(slash + 1)
  if (groups === undefined || !/^(0|[1-9]\d{0,2})$/.test(bitsText)) return undefined
  const bits = Number(bitsText)
  return bits <= (groups.length === 4 ? 32 : 128) ? { groups, bits } : undefined
}

/** Whether a text is an IP address inside the range. An IPv4-mapped IPv6 address is also inside its IPv4 ranges. */
export function isInIpRange(text: string, range: IpRange): boolean {
  const groups = parseIp(text)
  if (groups === undefined) return false
  if (groups.length === range.groups.length) return isSamePrefix(groups, range)
  const mapped = range.groups.length === 4 ? mappedIpv4(groups) : undefined
  return mapped !== undefined && isSamePrefix(mapped, range)
}

/** The groups of an IP address, in any of its text forms; undefined for any other text. */
export function parseIp(text: string): Groups | undefined {
  if (text.length > IP_TEXT_LENGTH_MAX) return undefined
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text)
}

/** Dotted decimal, four parts, no leading zeros: `010` is octal to some readers and decimal to others. */
function parseIpv4(text: string): Groups | undefined {
  const groups: number[] = []
  let start = 0
  for (let index = 0; index <= text.length; index += 1) {
    const code = text.charCodeAt(index)
    if (index < text.length && code !== DOT) {
      if (code < DIGIT_0 || code > DIGIT_9) return undefined
      continue
    }
    const length = index - start
    const isZeroLed = length > 1 && text.charCodeAt(start) === DIGIT_0
    if (length === 0 || length > IPV4_PART_LENGTH_MAX || isZeroLed || groups.length === 4) return undefined
    const group = Number(text.slice(start, index))
    if (group > 255) return undefined
    groups.push(group)
    start = index + 1
  }
  return groups.length === 4 ? groups : undefined
}

/** The text forms of RFC 4291, section 2.2; no zone. */
function parseIpv6(text: string): Groups | undefined {
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const [headText = '', tailText] = halves
  if (tailText === undefined) {
    const groups = parseGroups(headText, true)
    return groups?.length === 8 ? groups : undefined
  }
  const head = headText === '' ? [] : parseGroups(headText, false)
  const tail = tailText === '' ? [] : parseGroups(tailText, true)
  if (head === undefined || tail === undefined || head.length + tail.length > 7) return undefined
  return [...head, ...Array<number>(8 - head.length - tail.length).fill(0), ...tail]
}

function parseGroups(text: string, mayEndInIpv4: boolean): Groups | undefined {
  const parts = text.split(':')
  const groups: number[] = []
  for (const [index, part] of parts.entries()) {
    if (mayEndInIpv4 && index === parts.length - 1 && part.includes('.')) {
      const [a, b, c, d] = parseIpv4(part) ?? []
      if (a === undefined || b === undefined || c === undefined || d === undefined) return undefined
      groups.push(a * 256 + b, c * 256 + d)
    } else {
      if (!/^[0-9a-f]{1,4}$/i.test(part)) return undefined
      groups.push(Number.parseInt(part, 16))
    }
  }
  return groups
}

/** The IPv4 groups of an IPv4-mapped IPv6 address; undefined for any other address. */
export function mappedIpv4(groups: Groups): Groups | undefined {
  if (!MAPPED_PREFIX.every((group, index) => groups[index] === group)) return undefined
  return groups.slice(6).flatMap((group) => [group >>> 8, group & 255])
}

function isSamePrefix(groups: Groups, range: IpRange): boolean {
  const groupBits = range.groups.length === 4 ? 8 : 16
  for (let index = 0; index * groupBits < range.bits; index += 1) {
    const ignoredBits = Math.max(0, (index + 1) * groupBits - range.bits)
    if ((groups[index] ?? 0) >>> ignoredBits !== (range.groups[index] ?? 0) >>> ignoredBits) return false
  }
  return true
}
