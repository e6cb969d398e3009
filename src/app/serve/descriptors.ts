/**
 * Whether the listeners of a config may come to need more file descriptors than a process may open. At the limit the gateway
 * closes new connections; this says so beforehand. It changes no limit.
 */
import type { ListenerConfig, ServeConfig } from '../config/schema.ts'
import { workerCount } from './worker-count.ts'

/** Null where the limit is enough for every listener at its `maxConnections`. */
export function descriptorShortage(config: Pick<ServeConfig, 'listeners' | 'workers'>, limit: number): string | null {
  const needed = neededDescriptors(config)
  if (needed <= limit) return null
  return (
    `all maxConnections together need ${String(needed)} file descriptors, and a process may open ${String(limit)}: ` +
    'from there on new connections are closed; raise the limit (LimitNOFILE, ulimit -n), or lower maxConnections'
  )
}

/** For DNS, the log, the listeners themselves and what Node.js holds. */
const OTHER_DESCRIPTORS = 100

/** Of the process that needs most: with workers, each serves all of the mail listeners, and the primary HTTP. */
function neededDescriptors(config: Pick<ServeConfig, 'listeners' | 'workers'>): number {
  const { listeners } = config
  const http = sum(listeners.filter(({ kind }) => kind === 'http'))
  const mail = sum(listeners.filter(({ kind }) => kind !== 'http'))
  return OTHER_DESCRIPTORS + (workerCount(config) > 1 ? Math.max(http, mail) : http + mail)
}

/** A session of the gateway has a connection to the next hop beside that of its client. */
function sum(listeners: readonly ListenerConfig[]): number {
  return listeners.reduce((total, { kind, maxConnections }) => total + maxConnections * (kind === 'smtp' ? 2 : 1), 0)
}
