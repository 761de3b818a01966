import { type ProblemCode, PROBLEMS } from '@signalbox/api-contract'
import type { Route } from '../src/route.js'
import { routes } from '../src/routes/index.js'
import { createOpenApi } from '../src/docs/create-openapi.js'

const document = createOpenApi(routes)

/** Throws when an answer is not what the documentation of its route says. Answers outside of routes are not looked at. */
export function checkDocumented(method: string, path: string, answer: { status: number; body: unknown }): void {
  const route = findRoute(method, path)
  if (route === undefined) return
  const documented = document.paths[route.path.replaceAll(/:(\w+)/g, '{$1}')]?.[method.toLowerCase()]
  const where = `${method} ${route.path} answered ${answer.status}`
  if (documented?.responses[answer.status] === undefined) throw new Error(`${where}, which is not documented`)
  if (answer.status >= 400) {
    const { code } = answer.body as { code: ProblemCode }
    if (PROBLEMS[code].status !== answer.status) throw new Error(`${where} with the code ${code}`)
    return
  }
  const schema = route.responses[answer.status]?.schema
  const result = schema?.safeParse(answer.body)
  if (result?.success === false) throw new Error(`${where}, not as documented: ${result.error.message}`)
}

function findRoute(method: string, path: string): Route | undefined {
  const plain = path.split('?', 1)[0] ?? ''
  return routes.find((route) => {
    if (route.method !== method) return false
    return new RegExp(`^${route.path.replaceAll(/:\w+/g, '[^/]+')}$`).test(plain)
  })
}
