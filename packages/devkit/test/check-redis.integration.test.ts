import { once } from 'node:events'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { afterEach, describe, expect, test } from '@jest/globals'
import { checkRedis } from '../src/check-redis.js'
import { findAnyFreePort } from '../src/find-free-port.js'
import { startServices } from '../src/start-services.js'

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

async function listen(onConnection: (socket: Socket) => void): Promise<number> {
  const server = createServer(onConnection).listen(0, '127.0.0.1')
  servers.push(server)
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

describe('checkRedis', () => {
  test('a server that is there passes; one that refuses the login is told, without the password', async () => {
    const services = await startServices({ environment: {} })
    try {
      await checkRedis(services.redisUrl)
      const refused = checkRedis(services.redisUrl.replace('//', '//somebody:hidden@'))
      await expect(refused).rejects.toThrow(
        /^REDIS_URL \(redis:\/\/127\.0\.0\.1:\d+\) refuses: -(WRONGPASS|ERR|NOAUTH)/,
      )
      await expect(refused).rejects.not.toThrow('hidden')
    } finally {
      await services.stop()
    }
  }, 60_000)

  test('one that still loads its data is there', async () => {
    const port = await listen((socket) => socket.end('-LOADING Redis is loading the dataset in memory\r\n'))
    await expect(checkRedis(`redis://127.0.0.1:${port}`)).resolves.toBeUndefined()
  })

  test('what is away, hangs up or is no address is named', async () => {
    const away = `redis://127.0.0.1:${await findAnyFreePort()}`
    await expect(checkRedis(away)).rejects.toThrow(`REDIS_URL (${away}) can't be reached (ECONNREFUSED)`)
    const port = await listen((socket) => socket.end())
    await expect(checkRedis(`redis://127.0.0.1:${port}`)).rejects.toThrow('it closed the connection')
    await expect(checkRedis('localhost:6379')).rejects.toThrow('REDIS_URL is no address of a Redis')
  })
})

test('a silent one is waited for until the start is stopped', async () => {
  const port = await listen(() => undefined)
  const stop = new AbortController()
  const check = checkRedis(`redis://127.0.0.1:${port}`, stop.signal)
  stop.abort()
  await expect(check).rejects.toThrow("can't be reached (stopped)")
})

test('a Postgres that is away is named, and its password is not', async () => {
  const port = await findAnyFreePort()
  const start = startServices({
    environment: { DATABASE_URL: `postgresql://u:hidden@127.0.0.1:${port}/x`, REDIS_URL: 'redis://127.0.0.1:1' },
  })
  await expect(start).rejects.toThrow(`DATABASE_URL: Postgres at 127.0.0.1:${port} can't be reached (ECONNREFUSED)`)
})

test('what is no address of a Postgres is told', async () => {
  const start = startServices({ environment: { DATABASE_URL: 'nonsense', REDIS_URL: 'redis://127.0.0.1:1' } })
  await expect(start).rejects.toThrow('DATABASE_URL is no address of a Postgres')
})
