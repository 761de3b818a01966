import { cpus, release, totalmem, type } from 'node:os'

const BYTES_PER_GIB = 1_073_741_824

/** The machine in one line. */
export function describeMachine(): string {
  const [first] = cpus()
  const cores = `${cpus().length} × ${first?.model.trim() ?? 'unknown processor'}`
  const memory = `${Math.round(totalmem() / BYTES_PER_GIB)} GiB`
  return `${cores}, ${memory}, ${type()} ${release()}, Node ${process.version}`
}
