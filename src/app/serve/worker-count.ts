/** How many processes share the mail listeners. 1: no workers, but everything in the primary. */
import { availableParallelism } from 'node:os'
import type { ServeConfig } from '../config/schema.ts'

export function workerCount({ workers }: Pick<ServeConfig, 'workers'>): number {
  return workers === 'auto' ? availableParallelism() : workers
}
