import { isJsonObject, parseFilter, type JsonObject } from '@signalbox/domain'
import { asParsed, STATUSES } from './order-events.js'
import { createRandom, type Random } from './random.js'
import { createWorkload, type Workload } from './workload.js'

const RULE_SALT = 201
const EVENT_SALT = 202
const NAME = 'order.paid'
const SOURCE = 'shop'
/** Fields of one event besides those of an order. */
const FIELDS_PER_EVENT = 12
/** Values of a field: with the fields of an event, it matches some four rules. */
const VALUES = 2

/** As many rules for one name and source, each on a field that no other rule asks for. */
export function createShapesWorkload(seed: number, rules: number): Workload {
  const mixed = createWorkload(seed, rules)
  return {
    rules,
    makeRule: (number) => {
      const parsing = parseFilter(asParsed(makeFilter(createRandom(seed, RULE_SALT, number), number)))
      if (!parsing.ok) throw new Error(`The workload has a filter that is none: ${JSON.stringify(parsing.errors)}`)
      const rule = { ...mixed.makeRule(number), eventNames: [NAME], source: SOURCE, payloadFilter: parsing.filter }
      return { ...rule, contextFilter: null, externalAccountId: null, expiresAt: null, once: false }
    },
    makeEvent: (number) => {
      const event = mixed.makeEvent(number)
      const order = event.readPayload()
      if (!isJsonObject(order)) throw new Error('An order is an object')
      const payload = asParsed({ ...order, attributes: makeAttributes(createRandom(seed, EVENT_SALT, number), rules) })
      return { ...event, name: NAME, source: SOURCE, readPayload: () => payload }
    },
  }
}

/** Each field is of one kind, so that filters differ in their operators too. */
function makeFilter(random: Random, field: number): JsonObject {
  const value = valueOf(random.below(VALUES))
  const key = keyOf(field)
  switch (field % 4) {
    case 0:
      return { attributes: { [key]: [value] } }
    case 1:
      return { attributes: { [key]: { value: [value] } }, status: [random.pick(STATUSES), random.pick(STATUSES)] }
    case 2:
      return { attributes: { [key]: [{ $includes: value }] } }
    default:
      return { attributes: { [key]: [{ $startsWith: `${value}-` }] }, total: [{ $gte: 1_000 }] }
  }
}

function makeAttributes(random: Random, fields: number): JsonObject {
  const entries = Array.from({ length: FIELDS_PER_EVENT }, () => {
    const field = random.below(fields)
    return [keyOf(field), makeValue(field, valueOf(random.below(VALUES)))] as const
  })
  return Object.fromEntries(entries)
}

function makeValue(field: number, value: string): JsonObject[string] {
  if (field % 4 === 0) return value
  if (field % 4 === 1) return { value }
  return field % 4 === 2 ? [value, 'other'] : `${value}-${field}`
}

function keyOf(field: number): string {
  return `field${field}`
}

function valueOf(number: number): string {
  return `value-${number}`
}
