import { PROBLEM_MEDIA_TYPE, type ProblemCode, PROBLEMS, problemSchema } from '@signalbox/api-contract'
import { z } from 'zod'
import type { Route } from '../route.js'
import { BODY_EXAMPLES } from './body-examples.js'

/** An OpenAPI 3.1 document, as far as we look into it. */
export interface OpenApiDocument {
  openapi: string
  info: Record<string, unknown>
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, unknown>; securitySchemes: Record<string, unknown> }
  [key: string]: unknown
}

/** One operation of the document. */
export interface Operation {
  operationId: string
  summary: string
  responses: Record<string, ResponseObject>
  [key: string]: unknown
}

interface ResponseObject {
  description: string
  headers?: Record<string, unknown>
  content?: Record<string, { schema: unknown }>
}

type JsonSchema = Record<string, unknown>

const SCHEMA_PATH = '#/components/schemas/'

/** What every route may answer, beyond what it names itself. */
const COMMON_PROBLEMS: readonly ProblemCode[] = [
  'malformed_request',
  'unauthenticated',
  'forbidden',
  'invalid',
  'rate_limited',
  'internal',
  'storage_unavailable',
]
const BODY_PROBLEMS: readonly ProblemCode[] = ['malformed_json', 'body_too_large', 'unsupported_media_type']

const DESCRIPTION = `Events in, deliveries out. Every answer from 400 on is a problem (RFC 9457).
Send \`Authorization: Bearer <key>\`; the word \`Bearer\` may be left out.

To read on: [sending events](/docs/events-api.md), [dispatchers and accounts](/docs/dispatchers.md), [filters](/docs/filters.md),
[EventBridge patterns](/docs/eventbridge.md), [webhooks](/docs/webhooks.md), [states of a delivery](/docs/delivery-states.md),
[the egress guard](/docs/security-egress.md), [running it](/docs/running.md), [configuration](/docs/configuration.md),
[the matcher](/docs/matcher.md), [architecture](/docs/architecture.md), [benchmarks](/docs/benchmarks.md).`

/** Makes the document from the very objects that the API is made of. */
export function createOpenApi(routes: readonly Route[]): OpenApiDocument {
  const schemas: Record<string, JsonSchema> = {}
  const problem = toSchema(problemSchema, 'output', schemas)
  const paths: OpenApiDocument['paths'] = {}
  for (const route of routes) {
    const path = route.path.replaceAll(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: toOperation(route, problem, schemas) }
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Signalbox', version: '1', description: DESCRIPTION, license: { name: 'Apache-2.0' } },
    servers: [{ url: '/' }],
    security: [{ secretKey: [] }],
    paths,
    components: {
      schemas,
      securitySchemes: {
        secretKey: { type: 'http', scheme: 'bearer', description: 'A secret key of an environment: `tr_…`' },
        publicKey: { type: 'http', scheme: 'bearer', description: 'A public key of an environment: `pk_…`' },
      },
    },
  }
}

function toOperation(route: Route, problem: JsonSchema, schemas: Record<string, JsonSchema>): Operation {
  const bodySchema = route.documentedBody ?? route.body
  const example = BODY_EXAMPLES[route.operationId]
  return {
    operationId: route.operationId,
    summary: route.summary,
    ...(route.description !== undefined && { description: route.description }),
    tags: [...route.tags],
    security: route.access === 'secret' ? [{ secretKey: [] }] : [{ secretKey: [] }, { publicKey: [] }],
    parameters: [
      ...toParameters(route.params, 'path'),
      ...toParameters(route.query, 'query'),
      ...toParameters(route.requestHeaders, 'header'),
    ],
    ...(bodySchema !== undefined && {
      requestBody: {
        required: !route.isBodyOptional,
        content: {
          'application/json': {
            schema: toSchema(bodySchema, 'input', schemas),
            ...(example !== undefined && { example }),
          },
        },
      },
    }),
    responses: { ...toResponses(route, schemas), ...toProblemResponses(route, problem) },
  }
}

function toResponses(route: Route, schemas: Record<string, JsonSchema>): Operation['responses'] {
  return Object.fromEntries(
    Object.entries(route.responses).map(([status, { description, headers, schema }]) => [
      status,
      {
        description,
        ...(headers !== undefined && { headers: toHeaders(headers) }),
        ...(schema !== undefined && {
          content: { 'application/json': { schema: toSchema(schema, 'output', schemas) } },
        }),
      },
    ]),
  )
}

function toHeaders(headers: Readonly<Record<string, string>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, description]) => [name, { description, schema: { type: 'string' } }]),
  )
}

function toProblemResponses(route: Route, schema: JsonSchema): Operation['responses'] {
  const codes = [...COMMON_PROBLEMS, ...(route.body === undefined ? [] : BODY_PROBLEMS), ...(route.problems ?? [])]
  const responses: Operation['responses'] = {}
  for (const code of new Set(codes)) {
    const { status, title } = PROBLEMS[code]
    const before = responses[status]?.description
    const description = `${before === undefined ? '' : `${before}; `}\`${code}\`: ${title}`
    responses[status] = { description, content: { [PROBLEM_MEDIA_TYPE]: { schema } } }
  }
  return responses
}

function toParameters(schema: z.ZodType | undefined, place: 'path' | 'query' | 'header'): JsonSchema[] {
  if (schema === undefined) return []
  const { properties = {}, required = [] } = toSchema(schema, 'input', {}) as {
    properties?: Record<string, JsonSchema>
    required?: string[]
  }
  return Object.entries(properties).map(([name, { description, ...property }]) => ({
    name,
    in: place,
    required: required.includes(name),
    ...(description !== undefined && { description }),
    schema: property,
  }))
}

/** Named schemas (`meta({ id })`) go to the components, and are referred to. */
function toSchema(schema: z.ZodType, io: 'input' | 'output', schemas: Record<string, JsonSchema>): JsonSchema {
  const json = z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      // What an object does not name is ignored on the way in, and may be added on the way out.
      if (zodSchema._zod.def.type === 'object') delete jsonSchema.additionalProperties
    },
  }) as JsonSchema
  const { $schema: _dialect, $defs: definitions = {}, ...own } = json
  for (const [name, definition] of Object.entries(definitions as Record<string, JsonSchema>)) {
    schemas[name] = pointToComponents(definition) as JsonSchema
  }
  const plain = pointToComponents(own) as JsonSchema
  const { id } = z.globalRegistry.get(schema) ?? {}
  if (id === undefined) return plain
  // A schema that is named at its root is itself among its definitions; what is left at the root only refers to it.
  if (!Object.hasOwn(definitions as object, id)) schemas[id] = plain
  return { $ref: `${SCHEMA_PATH}${id}` }
}

function pointToComponents(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(pointToComponents)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, child]) =>
      key === '$ref' && typeof child === 'string'
        ? [key, child.replace('#/$defs/', SCHEMA_PATH)]
        : [key, pointToComponents(child)],
    ),
  )
}
