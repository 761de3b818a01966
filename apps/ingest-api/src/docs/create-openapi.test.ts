import { describe, expect, test } from '@jest/globals'
import { routes } from '../routes/index.js'
import { createOpenApi } from './create-openapi.js'

const document = createOpenApi(routes)
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ name: `${method} ${path}`, path, operation })),
)

test('every route is documented once', () => {
  expect(operations).toHaveLength(routes.length)
  expect(new Set(operations.map(({ operation }) => operation.operationId)).size).toBe(routes.length)
  expect(document.openapi).toBe('3.1.0')
})

describe.each(operations)('$name', ({ path, operation }) => {
  test('has a summary, a tag, and a description and schema for each answer', () => {
    expect(operation.summary).toMatch(/^[A-Z].{5,}/)
    expect(operation['tags']).toEqual([expect.any(String)])
    const answers = Object.entries(operation.responses)
    expect(answers.some(([status]) => status.startsWith('2'))).toBe(true)
    for (const [status, { description, content }] of answers) {
      expect([status, description]).toEqual([status, expect.stringMatching(/.{3,}/)])
      if (status === '204') continue
      const type = Number(status) < 400 ? 'application/json' : 'application/problem+json'
      expect([status, Object.keys(content?.[type]?.schema ?? {}).length > 0]).toEqual([status, true])
    }
  })

  test('names every part of its path, and says what it may be refused for', () => {
    const named = (operation['parameters'] as { name: string; in: string; required: boolean }[]).filter(
      (parameter) => parameter.in === 'path',
    )
    expect(named.map((parameter) => `{${parameter.name}}`)).toEqual(path.match(/\{\w+\}/g) ?? [])
    expect(named.every((parameter) => parameter.required)).toBe(true)
    for (const status of ['400', '401', '403', '422', '429', '500', '503']) {
      expect(operation.responses).toHaveProperty(status)
    }
  })
})

test('answers to sent events name the header that warns', () => {
  const warning = { 'Signalbox-Warning': { description: expect.any(String), schema: { type: 'string' } } }
  const { '/api/v1/events': single, '/api/v1/events/bulk': bulk } = document.paths
  for (const answer of [
    single?.['post']?.responses[200],
    bulk?.['post']?.responses[200],
    bulk?.['post']?.responses[207],
  ]) {
    expect(answer?.headers).toEqual(warning)
  }
})

test('filters are objects, with a link to their language', () => {
  const filters = [
    ['NewEventDispatcher', 'payloadFilter'],
    ['NewEventDispatcher', 'contextFilter'],
    ['EventDispatcherChange', 'payloadFilter'],
    ['NewEphemeralEventDispatcher', 'filter'],
    ['EventDispatcherTest', 'filter'],
    ['NewWebhookEndpoint', 'filter'],
    ['WebhookEndpointChange', 'contextFilter'],
  ] as const
  for (const [name, field] of filters) {
    const schema = document.components.schemas[name] as { properties: Record<string, { anyOf: unknown[] }> }
    const filter = { type: 'object', externalDocs: { url: expect.stringContaining('filters') } }
    expect([name, schema.properties[field]?.anyOf]).toMatchObject([name, [filter, { type: 'null' }]])
  }
})

test('every reference leads somewhere', () => {
  const references = JSON.stringify(document).match(/"\$ref":"[^"]+"/g) ?? []
  expect(references.length).toBeGreaterThan(10)
  for (const reference of new Set(references)) {
    const name = /#\/components\/schemas\/([^"/]+)"$/.exec(reference)?.[1] ?? reference
    expect(Object.keys(document.components.schemas)).toContain(name)
  }
})

test('a component says something, and does not only refer to one', () => {
  const empty = Object.entries(document.components.schemas).filter(([, schema]) => {
    const keys = Object.keys(schema as object)
    return keys.length === 0 || keys.includes('$ref')
  })
  expect(empty).toEqual([])
})
