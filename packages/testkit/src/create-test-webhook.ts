import { randomBytes } from 'node:crypto'
import {
  createDispatcherStore,
  createEndpointStore,
  createSecretBox,
  type Database,
  type EndpointSettings,
  type Subscription,
} from '@signalbox/db'
import { DEFAULT_EVENT_SOURCE, type TenantScope } from '@signalbox/domain'

/** Seals secrets in tests; for nothing else. */
export const TEST_MASTER_KEYS = `test:${Buffer.alloc(32, 7).toString('base64')}`

/** A webhook endpoint with the dispatcher that was made with it. */
export interface TestWebhook {
  endpointId: string
  dispatcherId: string
  secret: string
}

/** Makes a webhook endpoint that takes every event of the default source, unless it is told otherwise. */
export async function createTestWebhook(
  database: Database,
  scope: TenantScope,
  more: Partial<EndpointSettings & Subscription> = {},
): Promise<TestWebhook> {
  const { eventNames, source, payloadFilter, contextFilter, account, ...settings } = more
  const secret = `whsec_${randomBytes(24).toString('base64')}`
  const outcome = await createEndpointStore(database.prisma, createSecretBox(TEST_MASTER_KEYS)).createEndpoint(scope, {
    settings: {
      url: 'http://127.0.0.1:9/',
      description: '',
      method: 'POST',
      timeoutMs: 5_000,
      concurrency: 50,
      retryPolicy: null,
      headers: {},
      enabled: true,
      ...settings,
    },
    secret: { secret },
    subscription: {
      eventNames: eventNames ?? ['*'],
      source: source ?? DEFAULT_EVENT_SOURCE,
      payloadFilter: payloadFilter ?? null,
      contextFilter: contextFilter ?? null,
      account: account ?? null,
    },
  })
  if (!outcome.ok || outcome.endpoint.subscription === null) throw new Error('the endpoint was not made')
  return { endpointId: outcome.endpoint.id, dispatcherId: outcome.endpoint.subscription.id, secret }
}

/** Makes a dispatcher that sends the first event of a name to a URL; gives its id. */
export async function createTestEphemeral(
  database: Database,
  scope: TenantScope,
  options: { url: string; eventNames: string[]; timeoutInSeconds?: number },
): Promise<string> {
  const store = createDispatcherStore(database.prisma, createSecretBox(TEST_MASTER_KEYS))
  const outcome = await store.createEphemeralDispatcher(scope, {
    source: DEFAULT_EVENT_SOURCE,
    payloadFilter: null,
    contextFilter: null,
    account: null,
    timeoutInSeconds: 3_600,
    secret: `whsec_${randomBytes(24).toString('base64')}`,
    ...options,
  })
  if (!outcome.ok) throw new Error(`the ephemeral dispatcher was not made: ${outcome.code}`)
  return outcome.id
}
