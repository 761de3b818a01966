import { migrateDatabase, seedTenants } from '@signalbox/db'
import type { Environment } from './config.js'
import type { DevFile } from './dev-file.js'
import { loadDevelopmentTenants, loadMasterKeys } from './development-keys.js'
import { findFreePort } from './find-free-port.js'
import { joinEgressAllow } from './join-egress-allow.js'
import { createProblemMirror } from './mirror-problems.js'
import { APP_NAMES, planApps, type AppName, type AppPlan } from './plan-apps.js'
import { startServices, type Services, type ServicesOptions } from './start-services.js'
import { superviseProcess, type SupervisedProcess } from './supervise-process.js'

export interface StackOptions extends Omit<ServicesOptions, 'environment' | 'onRestart'> {
  /** The environment that services are looked up in and that the apps inherit. */
  readonly environment: Environment
  /** Variables for the apps beyond those that make them find each other. */
  readonly appEnvironment?: Environment
  /** The first port to try for the API; the other apps follow behind it. */
  readonly port: number
  /** Called when the process behind a name is a new one. */
  readonly onChange?: (stack: Stack) => void
}

/** Everything running: Postgres, Redis and the four apps, each a process. */
export interface Stack {
  readonly services: Services
  /** What scripts need to know; process ids are those of this moment. */
  describe(): Omit<DevFile, 'receiverUrl'>
  /** One app by its name, to be killed or stopped by tests. */
  app(name: AppName): SupervisedProcess
  stop(): Promise<void>
}

/** Starts Postgres and Redis, migrates, seeds, and runs the four apps. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const say = options.say ?? (() => undefined)
  let stack: Stack | undefined
  const onRestart = (): void => {
    if (stack !== undefined) options.onChange?.(stack)
  }
  say(describeBeginning(options.environment))
  const services = await startServices({ ...options, say, onRestart })
  const apps: SupervisedProcess[] = []
  const stop = async (): Promise<void> => {
    // The apps first: they finish what they have begun, and need both services for it.
    await Promise.all(apps.map((app) => app.stop()))
    await services.stop()
  }
  try {
    options.signal?.throwIfAborted()
    say('Migrating and seeding the database …')
    const { applied } = await migrateDatabase({ databaseUrl: services.databaseUrl })
    if (applied.length > 0) say(`Applied ${applied.length} migration(s).`)
    const tenants = await seedTenants({
      databaseUrl: services.databaseUrl,
      tenants: await loadDevelopmentTenants(services.dataDir),
    })
    options.signal?.throwIfAborted()

    const plans = await planStack(options, services, say)
    say(`Starting ${APP_NAMES.join(', ')} …`)
    const { registry, guard } = services
    apps.push(...plans.map(({ plan }) => superviseProcess(plan, { say, registry, guard, onRestart })))
    await startAll(apps, options.signal)
    const apiUrl = new URL(plans[0]?.healthUrl ?? '').origin
    stack = {
      services,
      describe: () => ({
        apiUrl,
        databaseUrl: services.databaseUrl,
        redisUrl: services.redisUrl,
        processes: plans.map(({ name, healthUrl }, index) => ({ name, pid: apps[index]?.pid() ?? 0, healthUrl })),
        tenants,
      }),
      app(name) {
        const app = apps.find((candidate) => candidate.name === name)
        if (app === undefined) throw new Error(`There is no app ${name}`)
        return app
      },
      stop,
    }
    return stack
  } catch (error) {
    await stop()
    throw error
  }
}

async function planStack(
  options: StackOptions,
  services: Services,
  say: (line: string) => void,
): Promise<readonly AppPlan[]> {
  const masterKeys = options.environment['SECRETS_MASTER_KEYS'] ?? (await loadMasterKeys(services.dataDir))
  return planApps({
    dataDir: services.dataDir,
    ports: await choosePorts(options.port, say),
    environment: {
      ...withoutNpm(options.environment),
      EGRESS_ALLOW: joinEgressAllow(options.environment['EGRESS_ALLOW']),
      ...options.appEnvironment,
      DATABASE_URL: services.databaseUrl,
      REDIS_URL: services.redisUrl,
      SECRETS_MASTER_KEYS: masterKeys,
    },
    onLine: createProblemMirror(say),
  })
}

/** What is about to happen: servers that the environment names are not started. */
function describeBeginning({ DATABASE_URL: database, REDIS_URL: redis }: Environment): string {
  if (database && redis) return 'Using Postgres of DATABASE_URL and Redis of REDIS_URL …'
  if (database) return 'Using Postgres of DATABASE_URL, starting Redis …'
  if (redis) return 'Starting Postgres, using Redis of REDIS_URL …'
  return 'Starting Postgres and Redis …'
}

/** All started, or the first failure, once none is starting any more. @throws when aborted, without waiting for readiness. */
async function startAll(apps: readonly SupervisedProcess[], signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted()
  // One that is stopped gives up getting ready, which could take its full time when something it needs is away.
  const stopAll = (): void => void Promise.allSettled(apps.map((app) => app.stop()))
  signal?.addEventListener('abort', stopAll, { once: true })
  const results = await Promise.allSettled(apps.map((app) => app.start()))
  signal?.removeEventListener('abort', stopAll)
  signal?.throwIfAborted()
  const failed = results.find((result) => result.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}

async function choosePorts(first: number, say: (line: string) => void): Promise<Record<AppName, number>> {
  const ports: number[] = []
  for (const name of APP_NAMES) {
    const wanted = (ports.at(-1) ?? first - 1) + 1
    const port = await findFreePort(wanted)
    if (name === 'ingest-api' && port !== wanted) say(`Port ${wanted} is in use; the API takes ${port}.`)
    ports.push(port)
  }
  const [api = 0, deliver = 0, dispatcher = 0, scheduler = 0] = ports
  return { 'ingest-api': api, 'deliver-worker': deliver, 'dispatcher-worker': dispatcher, scheduler }
}

/** What npm adds for its scripts is nothing for the apps. */
function withoutNpm(environment: Environment): Environment {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !/^npm_/i.test(name)))
}
