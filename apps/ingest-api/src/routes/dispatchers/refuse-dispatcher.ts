import type { DispatcherRefusal } from '@signalbox/db'
import { problem, type ProblemAnswer } from '../../route.js'
import { refuseDispatcherLimit, refuseField, refuseUnknownAccount } from '../refuse-field.js'

/** Says why a dispatcher was not written; a missing one is answered elsewhere. */
export function refuseDispatcher(code: Exclude<DispatcherRefusal, 'missing'>): ProblemAnswer {
  switch (code) {
    case 'conflict': {
      const message =
        'Another dispatcher has this dispatchableId; absent, it is the id of what is invoked, which the dispatcher ' +
        'that was made with a webhook endpoint has. Give a dispatchableId of your own'
      return refuseField('conflict', { pointer: '/dispatchableId', message })
    }
    case 'limit_exceeded':
      return refuseDispatcherLimit()
    case 'unknown_account':
      return refuseUnknownAccount()
    case 'unknown_endpoint': {
      const message = 'There is no such webhook endpoint'
      return refuseField('invalid', { pointer: '/dispatchable/id', code, message })
    }
    case 'foreign_endpoint':
      return problem('forbidden', 'The webhook endpoint belongs to another environment')
    case 'ephemeral_fixed': {
      const message = 'What an ephemeral dispatcher invokes does not change'
      return refuseField('invalid', { pointer: '/dispatchable', code, message })
    }
  }
}
