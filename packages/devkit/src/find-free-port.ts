import { createServer, type AddressInfo } from 'node:net'

const PORT_TRIES_MAX = 200
const PORT_MAX = 65_535

/** The first free port from `preferred` on. Nothing may listen on it on any address, or callers would reach that instead. */
export async function findFreePort(preferred: number): Promise<number> {
  for (let port = preferred; port < preferred + PORT_TRIES_MAX && port <= PORT_MAX; port += 1) {
    if (await isPortFree(port)) return port
  }
  return findAnyFreePort()
}

/** Some port that is free on the loopback address. */
export async function findAnyFreePort(): Promise<number> {
  const port = await tryListen(0, '127.0.0.1')
  if (port === undefined) throw new Error('No free port was found on 127.0.0.1')
  return port
}

async function isPortFree(port: number): Promise<boolean> {
  for (const host of ['127.0.0.1', '0.0.0.0', '::']) {
    if ((await tryListen(port, host)) === undefined) return false
  }
  return true
}

/** The port that could be listened on; undefined when it is in use. An address family that is missing can't be in use. */
async function tryListen(port: number, host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(undefined)
      else if (error.code === 'EAFNOSUPPORT' || error.code === 'EADDRNOTAVAIL') resolve(port)
      else reject(error)
    })
    server.listen(port, host, () => {
      const address = server.address() as AddressInfo
      server.close(() => resolve(address.port))
    })
  })
}
