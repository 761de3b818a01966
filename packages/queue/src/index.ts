export { createQueues, type QueueReading, type Queues } from './create-queues.js'
export { createProducerConnection, createWorkerConnection, type RedisConnectionOptions } from './create-redis.js'
export {
  createDeliverWorker,
  createDispatchWorker,
  type JobOutcome,
  type QueueWorker,
  type WorkerOptions,
} from './create-worker.js'
