import type { Writable } from 'node:stream'
import { createLogger as createWinston, format, transports } from 'winston'
import { toLoggable } from './to-loggable.js'

/** Levels from the most to the least severe. */
export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const

export type LogLevel = (typeof LOG_LEVELS)[number]

/** Fields of one wide log line. Errors are written with their chain of causes; secrets are taken out. */
export type LogFields = Readonly<Record<string, unknown>>

/** Writes one JSON line per call: `logger.info('event.accepted', { eventCount: 3 })`. */
export interface Logger {
  error(event: string, fields?: LogFields): void
  warn(event: string, fields?: LogFields): void
  info(event: string, fields?: LogFields): void
  debug(event: string, fields?: LogFields): void
  /** A logger whose lines all carry `fields`. */
  child(fields: LogFields): Logger
  /** Lets a caller skip the work of building fields that nobody would see. */
  isEnabled(level: LogLevel): boolean
}

export interface LoggerOptions {
  readonly service: string
  readonly level?: LogLevel
  /** Where lines go; stdout unless named. */
  readonly stream?: Writable
}

/** Makes a logger that writes JSON lines through winston. */
export function createLogger({ service, level = 'info', stream }: LoggerOptions): Logger {
  const winston = createWinston({
    level,
    levels: Object.fromEntries(LOG_LEVELS.map((name, index) => [name, index])),
    format: format.printf((info) => String(info.message)),
    transports: [stream === undefined ? new transports.Console() : new transports.Stream({ stream })],
  })
  const enabledMax = LOG_LEVELS.indexOf(level)

  const bind = (bound: LogFields): Logger => {
    const write = (lineLevel: LogLevel, event: string, fields: LogFields | undefined): void => {
      if (LOG_LEVELS.indexOf(lineLevel) > enabledMax) return
      // The line comes first to be read first, and again last so that no field can replace what identifies it.
      const line = { time: new Date().toISOString(), level: lineLevel, service, event }
      const loggable = toLoggable({ ...bound, ...fields }) as Record<string, unknown>
      winston.log(lineLevel, JSON.stringify({ ...line, ...loggable, ...line }))
    }
    return {
      error: (event, fields) => write('error', event, fields),
      warn: (event, fields) => write('warn', event, fields),
      info: (event, fields) => write('info', event, fields),
      debug: (event, fields) => write('debug', event, fields),
      child: (fields) => bind({ ...bound, ...fields }),
      isEnabled: (lineLevel) => LOG_LEVELS.indexOf(lineLevel) <= enabledMax,
    }
  }
  return bind({})
}
