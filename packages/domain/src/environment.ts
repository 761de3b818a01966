/** The kind of a runtime environment, spelled as the API spells it. */
export type EnvironmentType = 'PRODUCTION' | 'STAGING' | 'DEVELOPMENT' | 'PREVIEW'

/** What an event that names an unknown account does: stored without one, creates it, or is refused. */
export type UnknownAccounts = 'ignore' | 'create' | 'reject'

/** Limits of one environment; every one can be changed for it (column `limits`). */
export interface EnvironmentLimits {
  /** Bytes of one event's JSON. */
  eventBytesMax: number
  /** Bytes of one request body. */
  bodyBytesMax: number
  /** Events in one bulk request. */
  bulkEventsMax: number
  /** Levels of arrays and objects in payload and context. */
  nestingDepthMax: number
  /** Accepted events per second and API process; 0 is without limit. */
  eventsPerSecondMax: number
  /** Deliveries of the environment in flight at one time in one dispatcher-worker. */
  deliveriesInFlightMax: number
  /** Live dispatchers. */
  dispatchersMax: number
  /** Deliveries of one event; over it the event goes to the first by dispatcher id, and the rest is counted. */
  fanoutMax: number
}

/** What every environment starts with. */
export const DEFAULT_LIMITS: EnvironmentLimits = {
  eventBytesMax: 512 * 1024,
  bodyBytesMax: 5 * 1024 * 1024,
  bulkEventsMax: 1_000,
  nestingDepthMax: 64,
  eventsPerSecondMax: 0,
  deliveriesInFlightMax: 500,
  dispatchersMax: 1_000_000,
  fanoutMax: 10_000,
}

/** The tenant's part of every store call: nothing is read or written without it. */
export interface TenantScope {
  organizationId: string
  environmentId: string
}

/** A runtime environment as a request or a worker sees it. */
export interface Environment extends TenantScope {
  projectId: string
  type: EnvironmentType
  unknownAccounts: UnknownAccounts
  limits: EnvironmentLimits
}
