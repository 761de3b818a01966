import { describeIssue, summarizeErrors, toProblemErrors } from '@signalbox/api-contract'
import type { Dispatchable } from '@signalbox/db'
import { isUuid } from '@signalbox/domain'
import { dispatchableTypes } from '@signalbox/pipeline'
import { problem, type ProblemAnswer } from '../../route.js'
import { refuseField } from '../refuse-field.js'

const EPHEMERAL = 'EPHEMERAL'

/** Checks a dispatchable by the rules of its type. A type that no worker can carry out is refused, not stored. */
export function parseDispatchable(input: Dispatchable): { dispatchable: Dispatchable } | ProblemAnswer {
  const pointer = '/dispatchable/type'
  const type = dispatchableTypes.get(input.type)
  if (type === undefined) {
    const message = `There is no such type of dispatchable; there are: ${listTypes()}`
    return refuseField('invalid', { pointer, code: 'unknown_dispatchable_type', message })
  }
  if (type.type === EPHEMERAL) {
    const message = 'Ephemeral dispatchers are made with POST /api/v1/event-dispatchers/ephemeral'
    return refuseField('invalid', { pointer, code: 'ephemeral_elsewhere', message })
  }
  const parsed = type.schema.safeParse(input, { error: describeIssue })
  if (!parsed.success) {
    const errors = toProblemErrors(parsed.error.issues, ['dispatchable'])
    return problem('invalid', summarizeErrors(errors), { errors })
  }
  return { dispatchable: withPlainId(parsed.data as Dispatchable) }
}

function listTypes(): string {
  return [...dispatchableTypes.keys()].filter((name) => name !== EPHEMERAL).join(', ')
}

/** UUIDs are compared as text where dispatchers of an endpoint are looked for, so there is one spelling of each. */
function withPlainId(dispatchable: Dispatchable): Dispatchable {
  const { id } = dispatchable
  return typeof id === 'string' && isUuid(id) ? { ...dispatchable, id: id.toLowerCase() } : dispatchable
}
