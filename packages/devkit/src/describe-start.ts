import { relative } from 'node:path'
import type { DevFile } from './dev-file.js'

interface Surroundings {
  readonly dataDir: string
  /** One line each for Postgres and Redis. */
  readonly services: readonly string[]
  readonly egressAllow: string
}

/** The text that `npm start` prints once everything runs. */
export function describeStart(dev: DevFile, { dataDir, services, egressAllow }: Surroundings): string {
  const folder = relative('.', dataDir) || dataDir
  const key = dev.tenants[0]?.environments[0]?.secretKey ?? ''
  const receiverUrl = dev.receiverUrl ?? 'http://127.0.0.1:4000/hook'
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
    ...(dev.receiverUrl === null ? [] : [`  Demo receiver      ${dev.receiverUrl}   (GET / lists what arrived)`]),
    ...processes,
    ...services.map((line) => `  ${line}`),
    `  Logs, data, keys   ${folder}   (for scripts: ${folder}/dev.json)`,
    '',
    'Keys (tenant, environment, secret, public):',
    ...keys,
    '',
    `Webhooks may reach loopback addresses here (EGRESS_ALLOW=${egressAllow}); a server in production refuses them.`,
    '',
    'Try:',
    `  curl ${dev.apiUrl}/api/v1/webhook-endpoints -H 'Authorization: Bearer ${key}' -H 'Content-Type: application/json' -d '{"url":"${receiverUrl}","events":["user.created"]}'`,
    `  curl ${dev.apiUrl}/api/v1/events -H 'Authorization: Bearer ${key}' -H 'Content-Type: application/json' -d '{"event":{"name":"user.created","payload":{"userId":"u_1"}}}'`,
    '',
    'Ctrl-C stops everything; the data is kept. npm start -- --help tells the options.',
    '',
  ].join('\n')
}
