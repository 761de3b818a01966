import { closeSync, existsSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

/** A log file and the one before it are kept: twice this much disk per process. */
const LOG_FILE_BYTES_MAX = 20 * 1024 * 1024

/** A bounded log file: the file of the start before, and what is over its bound, move to `<name>.1`. */
export interface LogFile {
  readonly path: string
  write(chunk: Buffer): void
  close(): void
}

/** Opens a bounded log file, moving away the one of the start before. */
export function openLogFile(path: string): LogFile {
  mkdirSync(dirname(path), { recursive: true })
  let descriptor: number | undefined = open(path)
  let bytes = 0
  return {
    path,
    write(chunk) {
      if (descriptor === undefined) return
      if (bytes > LOG_FILE_BYTES_MAX) {
        closeSync(descriptor)
        descriptor = open(path)
        bytes = 0
      }
      bytes += writeSync(descriptor, chunk)
    },
    close() {
      if (descriptor !== undefined) closeSync(descriptor)
      descriptor = undefined
    },
  }
}

function open(path: string): number {
  if (existsSync(path)) renameSync(path, `${path}.1`)
  return openSync(path, 'a', 0o600)
}
