import { createId } from '@signalbox/domain'
import { encodeArray } from '../src/encode-array.js'

/** Rows of one statement: what the hot paths send at most. */
export const GROUP = 500

interface Scope {
  organizationId: string
  environmentId: string
}

/** A column that says the same of every row. */
const allOf = <Value>(value: Value): Value[] => Array.from({ length: GROUP }, () => value)

/** Columns of the events of a group, as accepting has them. */
export function toNewColumns(scope: Scope, eventIds?: string[]): unknown[] {
  const ids = Array.from({ length: GROUP }, () => createId())
  const { uuid, text, timestamptz, jsonb, boolean } = encodeArray
  const now = timestamptz(allOf(new Date()))
  const noTexts = text(allOf(null))
  const ofTenant = [uuid(allOf(scope.organizationId)), uuid(allOf(scope.environmentId)), uuid(ids)]
  const named = [text(eventIds ?? ids), text(allOf('n')), text(allOf('s')), now]
  const said = [jsonb(allOf('{}')), text(allOf('JSON')), jsonb(allOf('{}'))]
  const left = [uuid(allOf(null)), noTexts, jsonb(allOf(null)), noTexts, noTexts]
  return [...ofTenant, ...named, ...said, ...left, now, boolean(allOf(false)), new Date(), 30]
}

/** Columns of an attempt for each of a group of claimed deliveries. */
export function toAttemptColumns(scope: Scope, claimed: { id: string; lease: string }[]): unknown[] {
  const { uuid, text, timestamptz, jsonb, integer } = encodeArray
  const noTexts = text(allOf(null))
  const claims = [
    uuid(allOf(scope.organizationId)),
    uuid(claimed.map(({ id }) => id)),
    text(claimed.map(({ lease }) => lease)),
  ]
  const step = [integer(allOf(1)), text(allOf('succeeded')), integer(allOf(0)), noTexts]
  const reading = [timestamptz(allOf(new Date())), integer(allOf(1)), text(allOf('succeeded')), integer(allOf(200))]
  return [...claims, ...step, ...reading, jsonb(allOf('{}')), noTexts, noTexts, noTexts, noTexts]
}

/** Columns of a group of events, and of a delivery to one dispatcher for each. */
export function toDecidedColumns(scope: Scope, events: { id: string }[], dispatcherId: string): unknown[] {
  const { uuid, text, integer } = encodeArray
  const ofOrganization = uuid(allOf(scope.organizationId))
  const ids = uuid(events.map(({ id }) => id))
  const decided = [ofOrganization, ids, integer(allOf(1)), integer(allOf(null)), text(allOf(null))]
  const ofEnvironment = uuid(allOf(scope.environmentId))
  const made = uuid(Array.from({ length: GROUP }, () => createId()))
  return [...decided, ofOrganization, ofEnvironment, made, ids, uuid(allOf(dispatcherId)), 30]
}
