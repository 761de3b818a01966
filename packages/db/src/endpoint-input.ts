import type { FilterLanguage, JsonObject, RetryPolicy } from '@signalbox/domain'
import type { EndpointMethod, SigningSecret, SigningVersion } from './endpoint-row.js'
import type { AccountWish } from './resolve-account.js'

/** Which events an endpoint gets. */
export interface Subscription {
  eventNames: string[]
  source: string
  payloadFilter: JsonObject | null
  /** Absent, it is our own. */
  filterLanguage?: FilterLanguage | undefined
  contextFilter: JsonObject | null
  account: AccountWish | null
}

/** How an endpoint is called. */
export interface EndpointSettings {
  url: string
  description: string
  method: EndpointMethod
  timeoutMs: number
  concurrency: number
  /** Null is the default schedule. */
  retryPolicy: RetryPolicy | null
  headers: Readonly<Record<string, string>>
  enabled: boolean
}

/** An endpoint as a caller describes it, validated; the URL has passed the address guard. */
export interface NewEndpoint {
  settings: EndpointSettings
  secret: SigningSecret
  subscription: Subscription
}

/** What is to change; what is absent stays. */
export interface EndpointChange {
  settings: { [Key in keyof EndpointSettings]?: EndpointSettings[Key] | undefined }
  subscription: { [Key in keyof Subscription]?: Subscription[Key] | undefined }
}

/** A change of secrets. */
export interface Rotation {
  overlapSeconds: number
  /** Called with the scheme of the present secret. */
  makeSecret: (signing: SigningVersion) => SigningSecret
}
