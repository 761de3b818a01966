import { createId, DEFAULT_EVENT_SOURCE, DEFAULT_LIMITS, type Environment, type NewEvent } from '@signalbox/domain'
import type { TestTenant } from './seed-two-tenants.js'

/** An event as the API would hand it over: valid, due now, with an id of its own, unless it is told otherwise. */
export function makeEvent(more: Partial<NewEvent> = {}): NewEvent {
  const id = createId()
  const now = new Date()
  return {
    id,
    eventId: id,
    name: 'order.paid',
    source: DEFAULT_EVENT_SOURCE,
    timestamp: now,
    payload: {},
    payloadType: 'JSON',
    context: {},
    given: { payload: 'payload' in more, payloadType: 'payloadType' in more, context: 'context' in more },
    deliverAt: now,
    isTest: false,
    ...more,
  }
}

/** One of a tenant's environments as a request sees it. */
export function toEnvironment(tenant: TestTenant, more: Partial<Environment> = {}): Environment {
  return {
    organizationId: tenant.organizationId,
    environmentId: tenant.production.id,
    projectId: tenant.projectId,
    type: 'PRODUCTION',
    unknownAccounts: 'ignore',
    limits: DEFAULT_LIMITS,
    ...more,
  }
}
