import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { routes } from '../routes/index.js'
import { BODY_EXAMPLES } from './body-examples.js'
import { createOpenApi } from './create-openapi.js'

const folder = join(__dirname, '../../../../docs')
const pages = readdirSync(folder).filter((name) => name.endsWith('.md'))
const shown = pages.flatMap((name) => {
  const page = readFileSync(join(folder, name), 'utf8')
  return [...page.matchAll(/ -d '(\{[^']+\})'/g)].map(([, body = '']) => JSON.parse(body) as unknown)
})

const posts = routes.filter(({ method, body }) => method === 'POST' && body !== undefined)

describe.each(posts.map((route) => [route.operationId, route] as const))('the example of %s', (name, route) => {
  test('is a body of it, stands in the pages of the documentation, and is shown', () => {
    const example = BODY_EXAMPLES[name]
    expect(example).toBeDefined()
    expect(route.body?.safeParse(example).success).toBe(true)
    // A body that may be left out is left out in the pages.
    if (!route.isBodyOptional || Object.keys(example ?? {}).length > 0) expect(shown).toContainEqual(example)
    const path = route.path.replaceAll(/:(\w+)/g, '{$1}')
    const content = { 'application/json': { schema: expect.anything(), example } }
    expect(createOpenApi(routes).paths[path]?.['post']).toMatchObject({ requestBody: { content } })
  })
})

test('there are no others', () => {
  expect(Object.keys(BODY_EXAMPLES).toSorted()).toEqual(posts.map(({ operationId }) => operationId).toSorted())
})
