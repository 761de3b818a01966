import { relative } from 'node:path'
import type { DevFile } from './dev-file.js'

interface Surroundings {
  readonly dataDir: string
  /** One line each for Postgres and Redis. */
  readonly services: readonly string[]
  readonly egressAllow: string
  /** With which the demo receiver verifies. */
  readonly receiverSecret?: string | undefined
}

/** A receiver for who runs none; the README has the same. */
export const RECEIVER_COMMAND = `node -e "require('http').createServer((q,s)=>{let b='';q.on('data',d=>b+=d).on('end',()=>{console.log(q.headers['webhook-id'],b);s.end()})}).listen(4000)"`
const RECEIVER_COMMAND_URL = 'http://127.0.0.1:4000/'

/** The text that `npm start` prints once everything runs. */
export function describeStart(dev: DevFile, surroundings: Surroundings): string {
  const { dataDir, services, egressAllow } = surroundings
  const folder = relative('.', dataDir) || dataDir
  const processes = dev.processes.map(
    ({ name, pid, healthUrl }) => `  ${name.padEnd(18)} ${healthUrl}  (process ${pid})`,
  )
  const keys = dev.tenants.flatMap(({ slug, environments }) =>
    environments.map(
      ({ type, secretKey, publicKey }) => `  ${slug.padEnd(7)} ${type.padEnd(11)} ${secretKey}  ${publicKey}`,
    ),
  )
  return [
    '',
    'Signalbox is running.',
    '',
    `  API                ${dev.apiUrl}   (documentation: ${dev.apiUrl}/docs)`,
    ...(dev.receiverUrl === null
      ? []
      : [`  Demo receiver      ${dev.receiverUrl}   (gets the events demo.* of acme PRODUCTION)`]),
    ...processes,
    ...services.map((line) => `  ${line}`),
    `  Logs, data, keys   ${folder}   (for scripts: ${folder}/dev.json)`,
    '',
    'Keys (tenant, environment, secret, public):',
    ...keys,
    '',
    `Webhooks may reach public addresses and EGRESS_ALLOW=${egressAllow}; in production nothing is open by itself.`,
    'For others that are refused (address_refused): EGRESS_ALLOW=10.0.0.0/8 npm start; see docs/security-egress.md.',
    '',
    ...describeTrial(dev, surroundings.receiverSecret),
    '',
    'Ctrl-C stops everything; the data is kept. npm start -- --help tells the options.',
    '',
  ].join('\n')
}

/** Commands to paste: a webhook, an event that it takes, and a look at what arrived. */
function describeTrial({ apiUrl, receiverUrl, tenants }: DevFile, receiverSecret: string | undefined): string[] {
  const key = tenants[0]?.environments[0]?.secretKey ?? ''
  const post = (path: string, body: object): string =>
    `  curl ${apiUrl}${path} -H 'Authorization: Bearer ${key}' -H 'Content-Type: application/json' -d '${JSON.stringify(body)}'`
  const url = receiverUrl ?? RECEIVER_COMMAND_URL
  // The endpoint brings the secret that the receiver knows: it would make one of its own, and the receiver could not verify.
  const secret = receiverUrl === null ? undefined : receiverSecret
  const once = 'the first command once: its endpoint is kept, and each one more would get every event again'
  return [
    ...(receiverUrl === null
      ? ['Try, with a receiver in another terminal:', `  ${RECEIVER_COMMAND}`, `and here (${once}):`]
      : [`Try (${once}):`]),
    post('/api/v1/webhook-endpoints', { url, events: ['user.created'], secret }),
    post('/api/v1/events', { event: { name: 'user.created', payload: { userId: 'u_1' } } }),
    ...(receiverUrl === null ? [] : [`  curl ${new URL('/', receiverUrl).href}    # what arrived, newest first`]),
  ]
}
