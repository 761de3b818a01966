import type { TargetUrlVerdict } from '@signalbox/egress'
import type { ProblemAnswer } from '../route.js'
import { refuseField } from './refuse-field.js'

/** Says why a URL can't be a target; it stands under `/url` in every body. */
export function refuseTarget({ code, message }: Extract<TargetUrlVerdict, { ok: false }>): ProblemAnswer {
  return refuseField(code === 'address_refused' ? code : 'invalid', { pointer: '/url', code, message })
}
