/** The two queues. Each has its own hash tag, so that all keys of one queue stand in one slot of a Redis Cluster. */
export const QUEUE_NAMES = { deliver: 'deliver', dispatch: 'dispatch' } as const

/** One of the queues. */
export type QueueName = keyof typeof QUEUE_NAMES

/** The prefix of all keys when nothing else is said. */
export const DEFAULT_PREFIX = 'signalbox'

/** Gives the prefix of a queue's keys. */
export function prefixOf(prefix: string, name: QueueName): string {
  return `{${prefix}-${name}}`
}
