import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writePrivately } from './development-keys.js'

/** The environment that the demo plays in, and where its endpoint is remembered. */
export interface DemoAccess {
  readonly dataDir: string
  readonly apiUrl: string
  readonly secretKey: string
}

/** What an earlier start created; the secret of an endpoint is shown only once. */
interface DemoEndpoint {
  readonly id: string
  readonly secret: string
}

/** The demo stands in a real environment: whatever else is sent there is none of its business. */
const DEMO_EVENTS = ['demo.*']
const REQUEST_TIMEOUT_MS = 10_000
/** Those of an endpoint that is not in this environment: the database may be another one than last time. */
const MISSING_STATUSES = [403, 404]

/** Sees to it that the one demo endpoint of a data folder sends to `url`, and returns its secret. */
export async function ensureDemoEndpoint(access: DemoAccess, url: string): Promise<string> {
  const wanted = { url, events: DEMO_EVENTS, enabled: true }
  const known = await findKnown(access)
  // Changed and not made anew: an endpoint left behind would go on sending, signed with a secret that nobody has.
  if (known !== undefined && (await changeEndpoint(access, known.id, wanted))) return known.secret
  const { id, secret } = (await callApi(access, 'POST /api/v1/webhook-endpoints', {
    ...wanted,
    description: 'Demo receiver of npm start',
  })) as DemoEndpoint
  await writePrivately(demoFilePath(access.dataDir), JSON.stringify({ id, secret } satisfies DemoEndpoint))
  return secret
}

/** Disables the endpoint of an earlier start with the demo: its receiver isn't there. True when there was one. */
export async function disableDemoEndpoint(access: DemoAccess): Promise<boolean> {
  const known = await findKnown(access)
  return known !== undefined && (await changeEndpoint(access, known.id, { enabled: false }))
}

/** Calls the API: `call` is method and path. @throws an Error with `status` when it refuses. */
export async function callApi(access: DemoAccess, call: string, body: unknown): Promise<unknown> {
  const [method = '', path = ''] = call.split(' ')
  const response = await fetch(`${access.apiUrl}${path}`, {
    method,
    headers: { authorization: `Bearer ${access.secretKey}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
  })
  const text = await response.text()
  if (response.ok) return JSON.parse(text)
  throw Object.assign(new Error(`${call} answered ${response.status}: ${text.slice(0, 500)}`), {
    status: response.status,
  })
}

/** False when there is no such endpoint. */
async function changeEndpoint(access: DemoAccess, id: string, change: object): Promise<boolean> {
  try {
    await callApi(access, `PATCH /api/v1/webhook-endpoints/${id}`, change)
    return true
  } catch (error) {
    if (MISSING_STATUSES.includes((error as { status?: number }).status ?? 0)) return false
    throw error
  }
}

function demoFilePath(dataDir: string): string {
  return join(dataDir, 'demo.json')
}

async function findKnown({ dataDir }: DemoAccess): Promise<DemoEndpoint | undefined> {
  const text = await readFile(demoFilePath(dataDir), 'utf8').catch(() => undefined)
  return text === undefined ? undefined : (JSON.parse(text) as DemoEndpoint)
}
