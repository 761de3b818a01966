import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

const CHECK_TIMEOUT_MS = 5_000
const PORT_DEFAULT = 6379
const REPLY_CHARACTERS_MAX = 64 * 1024
/** Refusals that pass by themselves: it reads its file, or waits for another server. */
const PASSING = /^-(LOADING|MASTERDOWN|BUSY|TRYAGAIN)/

/**
 * Asks the server of REDIS_URL for a PONG, once; `signal` ends the wait early.
 * @throws Error that says what is wrong; the password stays unsaid.
 */
export async function checkRedis(redisUrl: string, signal?: AbortSignal): Promise<void> {
  const url = URL.canParse(redisUrl) ? new URL(redisUrl) : undefined
  if (url === undefined || !['redis:', 'rediss:'].includes(url.protocol)) {
    throw new Error('REDIS_URL is no address of a Redis (redis://host:port)')
  }
  const shown = `REDIS_URL (${url.protocol}//${url.host})`
  const reply = await askPing(url, signal).catch((cause: unknown) => {
    const { code, message } = cause as { code?: string; message?: string }
    throw new Error(`${shown} can't be reached (${code ?? message})`, { cause })
  })
  if (!reply.startsWith('+PONG') && !PASSING.test(reply)) throw new Error(`${shown} refuses: ${reply.slice(0, 200)}`)
}

/** The first refusal, else the answer to PING. */
function askPing(url: URL, signal: AbortSignal | undefined): Promise<string> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    const login = [url.username, url.password].filter((part) => part !== '').map((part) => decodeURIComponent(part))
    const commands = [...(url.password === '' ? [] : [['AUTH', ...login]]), ['PING']]
    const socket = open(url)
    const finish = (settle: () => void): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', giveUp)
      socket.destroy()
      settle()
    }
    const giveUp = (): void => finish(() => reject(new Error('stopped')))
    signal?.addEventListener('abort', giveUp, { once: true })
    // Of the whole conversation: a server that trickles is of no more use than a silent one.
    const timer = setTimeout(() => {
      finish(() => reject(new Error(`no answer within ${CHECK_TIMEOUT_MS / 1000} s`)))
    }, CHECK_TIMEOUT_MS)
    let text = ''
    socket.on('data', (chunk: Buffer) => {
      text = `${text}${chunk.toString()}`.slice(0, REPLY_CHARACTERS_MAX)
      const lines = text.split('\r\n').slice(0, -1)
      const reply = lines.find((line) => line.startsWith('-')) ?? lines[commands.length - 1]
      if (reply !== undefined) finish(() => resolve(reply))
    })
    socket.once('error', (error) => finish(() => reject(error)))
    socket.once('close', () => finish(() => reject(new Error('it closed the connection'))))
    for (const command of commands) socket.write(encode(command))
  })
}

function open(url: URL): Socket {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  const port = Number(url.port || PORT_DEFAULT)
  return url.protocol === 'rediss:' ? connectTls({ host, port }) : connect({ host, port })
}

/** A command in the Redis protocol: an array of strings, each behind its length. */
function encode(command: readonly string[]): string {
  return [`*${command.length}`, ...command.flatMap((part) => [`$${Buffer.byteLength(part)}`, part]), ''].join('\r\n')
}
