import { expect, test } from '@jest/globals'
import { routes } from '../routes/index.js'
import { createOpenApi } from './create-openapi.js'

const { components, paths } = createOpenApi(routes)

function collectReferences(value: unknown, found: Set<string> = new Set()): Set<string> {
  if (typeof value !== 'object' || value === null) return found
  for (const [key, child] of Object.entries(value)) {
    if (key === '$ref' && typeof child === 'string') found.add(child)
    else collectReferences(child, found)
  }
  return found
}

test('every reference leads to a component', () => {
  const names = [...collectReferences({ components, paths })].map((reference) => reference.split('/').at(-1) ?? '')
  expect(names.length).toBeGreaterThan(20)
  expect(names.filter((name) => !Object.hasOwn(components.schemas, name))).toEqual([])
})

test('a component says something, and does not only refer to one', () => {
  const empty = Object.entries(components.schemas).filter(([, schema]) => {
    const keys = Object.keys(schema as object)
    return keys.length === 0 || keys.includes('$ref')
  })
  expect(empty).toEqual([])
})

test('every route is there, under its method', () => {
  const documented = Object.entries(paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  )
  const wanted = routes.map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`)
  expect(documented.sort()).toEqual(wanted.sort())
})
