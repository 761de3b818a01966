import { readCursor } from '@signalbox/api-contract'
import { isUuid } from '@signalbox/domain'
import { problem, type ProblemAnswer } from '../route.js'

/** Reads the cursor of a list that is ordered by our ids; `parameter` is where it stands in the query. */
export function readBeforeId(
  cursor: string | undefined,
  parameter = 'cursor',
): { beforeId: string | undefined } | ProblemAnswer {
  if (cursor === undefined) return { beforeId: undefined }
  const beforeId = readCursor(cursor)
  if (beforeId !== undefined && isUuid(beforeId)) return { beforeId }
  const message = 'The cursor is not one of ours'
  return problem('invalid', message, { errors: [{ pointer: `/${parameter}`, code: 'invalid_cursor', message }] })
}
