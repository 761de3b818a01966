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

/** What stands for an id in the pages, and an id here. */
const ANY_ID = /"(?:…|<[\w ]+>|[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12})"/g
const withoutIds = (body: unknown): unknown => JSON.parse(JSON.stringify(body).replaceAll(ANY_ID, '"<id>"'))

const posts = routes.filter(({ method, body }) => method === 'POST' && body !== undefined)

describe.each(posts.map((route) => [route.operationId, route] as const))('the example of %s', (name, route) => {
  test('is a body of it, stands in the pages of the documentation, and is shown', () => {
    const example = BODY_EXAMPLES[name]
    expect(example).toBeDefined()
    expect(route.body?.safeParse(example).success).toBe(true)
    expect(shown.map(withoutIds)).toContainEqual(withoutIds(example))
    const path = route.path.replaceAll(/:(\w+)/g, '{$1}')
    const content = { 'application/json': { schema: expect.anything(), example } }
    expect(createOpenApi(routes).paths[path]?.['post']).toMatchObject({ requestBody: { content } })
  })
})

test('there are no others', () => {
  expect(Object.keys(BODY_EXAMPLES).toSorted()).toEqual(posts.map(({ operationId }) => operationId).toSorted())
})
