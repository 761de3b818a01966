import { summarizeErrors, UNSUPPORTED_ENDPOINT_FIELDS } from '@signalbox/api-contract'
import { checkCustomHeaders } from '@signalbox/egress'
import type { ApiDeps } from '../../api-deps.js'
import { problem, type ProblemAnswer } from '../../route.js'
import { refuseField } from '../refuse-field.js'
import { refuseTarget } from '../refuse-target.js'

/** What of a body is checked beyond its form. */
export interface CheckedFields {
  url?: string | undefined
  headers?: Record<string, string> | null | undefined
}

/** The same, checked: the URL normalised, names of headers in lower case, null as none. */
export interface EndpointTarget {
  url?: string
  headers?: Readonly<Record<string, string>>
}

/** Refuses settings that are not carried out yet, rather than storing what is then ignored. */
export function refuseUnsupported(body: { [Name in (typeof UNSUPPORTED_ENDPOINT_FIELDS)[number]]?: unknown }):
  | ProblemAnswer
  | undefined {
  const name = UNSUPPORTED_ENDPOINT_FIELDS.find((field) => isAskedFor(body[field]))
  if (name === undefined) return undefined
  return refuseField('not_supported_yet', { pointer: `/${name}`, message: `${name} is not supported yet` })
}

/** Null and false ask for nothing. */
function isAskedFor(value: unknown): boolean {
  return value !== undefined && value !== null && value !== false
}

/** Checks the URL through the address guard, and the headers against those that we set. */
export async function checkEndpoint(
  { checkTarget }: Pick<ApiDeps, 'checkTarget'>,
  { url, headers }: CheckedFields,
): Promise<EndpointTarget | ProblemAnswer> {
  const checked: EndpointTarget = {}
  if (headers !== undefined) {
    const verdict = checkCustomHeaders(headers ?? {})
    if (!verdict.ok) {
      const errors = verdict.problems.map(({ pointer, message }) => ({
        pointer: `/headers${pointer}`,
        code: 'invalid_header',
        message,
      }))
      return problem('invalid', summarizeErrors(errors), { errors })
    }
    checked.headers = verdict.headers
  }
  if (url !== undefined) {
    const verdict = await checkTarget(url)
    if (!verdict.ok) return refuseTarget(verdict)
    checked.url = verdict.url.href
  }
  return checked
}
