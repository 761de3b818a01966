import { describe, expect, it } from '@jest/globals'
import { z } from 'zod'
import {
  createDispatcherBodySchema,
  createEphemeralBodySchema,
  dispatcherListQuerySchema,
  testDispatcherBodySchema,
} from './dispatcher-schemas.js'
import { deliveryListQuerySchema } from './delivery-schemas.js'
import { findMisnamedKeys } from './find-misnamed-keys.js'
import { createEndpointBodySchema } from './webhook-endpoint-schemas.js'

describe('findMisnamedKeys', () => {
  it.each([
    [createEndpointBodySchema, 'payloadFilter', 'filter'],
    [createEndpointBodySchema, 'timeout', 'timeoutMs'],
    [createEndpointBodySchema, 'URL', 'url'],
    [createEndpointBodySchema, 'event', 'events'],
    [createDispatcherBodySchema, 'filter', 'payloadFilter'],
    [createDispatcherBodySchema, 'sorce', 'source'],
    [createDispatcherBodySchema, 'eventPattern', 'payloadFilter'],
    [createDispatcherBodySchema, 'Condition', 'payloadFilter'],
    [createEndpointBodySchema, 'pattern', 'filter'],
    [createEndpointBodySchema, 'EventPattern', 'filter'],
    [createEndpointBodySchema, 'match', 'filter'],
    [createEndpointBodySchema, 'where', 'filter'],
    [createEphemeralBodySchema, 'condition', 'filter'],
    [testDispatcherBodySchema, 'eventPattern', 'filter'],
    [deliveryListQuerySchema, 'stat', 'state'],
    [deliveryListQuerySchema, 'endpointid', 'endpointId'],
  ])('%#: takes %2$s for a misnamed %3$s', (schema, key, meant) => {
    expect(findMisnamedKeys(schema, { [key]: 1 })).toEqual([
      { pointer: `/${key}`, code: 'unknown_key', message: `Unknown: did you mean ${meant}?` },
    ])
  })

  it('finds nothing in known keys, in keys that look like none, and in what is no object', () => {
    const known = Object.fromEntries(Object.keys(createEndpointBodySchema.shape).map((key) => [key, 1]))
    expect(findMisnamedKeys(createEndpointBodySchema, { ...known, id: 1, createdAt: 1, color: 1 })).toEqual([])
    expect(findMisnamedKeys(createEndpointBodySchema, 'filters')).toEqual([])
    expect(findMisnamedKeys(z.unknown(), { filters: 1 })).toEqual([])
  })

  it('takes no unknown key of a strict schema, such as those of lists, and names what there is', () => {
    expect(findMisnamedKeys(dispatcherListQuerySchema, { limit: 1, tz: 1, cursr: 1 })).toEqual([
      { pointer: '/tz', code: 'unknown_key', message: 'Unknown: there is limit, cursor' },
      { pointer: '/cursr', code: 'unknown_key', message: 'Unknown: did you mean cursor?' },
    ])
  })

  it('compares a bounded number of keys', () => {
    const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`filter${index}`, 1]))
    expect(findMisnamedKeys(createEndpointBodySchema, many).length).toBeLessThanOrEqual(100)
  })
})
