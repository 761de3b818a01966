import { expect } from '@jest/globals'
import type { ApiAnswer, TestApi } from './start-test-api.js'

/** Where dispatchers are. */
export const DISPATCHERS_PATH = '/api/v1/event-dispatchers'

/** What tests of dispatchers ask for, all of it for one endpoint of production. */
export interface DispatcherMaker {
  readonly endpointId: string
  /** A body that is accepted, with a `dispatchableId` of its own. */
  wish: (change?: object) => object
  post: (body: unknown, key?: string) => Promise<ApiAnswer>
  /** Gives the id of one that was made. */
  makeDispatcher: (change?: object) => Promise<string>
}

let made = 0

/** Makes the endpoint. */
export async function createDispatcherMaker(api: TestApi): Promise<DispatcherMaker> {
  const endpointId = await makeSilentEndpoint(api, api.a.production.secretKey)
  const wish = (change: object = {}): object => ({
    event: 'invoice.paid',
    dispatchable: { type: 'WEBHOOK', id: endpointId },
    dispatchableId: `own-${(made += 1)}`,
    ...change,
  })
  const post = (body: unknown, key = api.a.production.secretKey): Promise<ApiAnswer> =>
    api.call('POST', DISPATCHERS_PATH, { body, key })
  return {
    endpointId,
    wish,
    post,
    makeDispatcher: async (change = {}) => {
      const answer = await post(wish(change))
      expect([answer.status, answer.text]).toEqual([201, expect.any(String)])
      return answer.body['id'] as string
    },
  }
}

/** Makes an endpoint that no event goes to by itself; gives its id. */
export async function makeSilentEndpoint(api: TestApi, key: string): Promise<string> {
  const body = { url: 'https://8.8.8.8/hook', events: ['never'] }
  const answer = await api.call('POST', '/api/v1/webhook-endpoints', { key, body })
  expect(answer.status).toBe(201)
  return answer.body['id'] as string
}

/** The version of production's dispatchers. */
export async function readSetVersion(api: TestApi): Promise<bigint> {
  const environmentId = api.a.production.id
  return (await api.database.prisma.dispatcherSet.findFirstOrThrow({ where: { environmentId } })).version
}
