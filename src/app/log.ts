/**
 * The log of `ptrgate serve`: a JSON line an event, by pino. Where lines go, and what becomes of them if nobody takes them, is
 * in line-writer.ts; what is in them, and that it is harmless, in serve/event-record.ts.
 */
import pino from 'pino'
import type { ServeConfig } from './config/schema.ts'
import type { EventRecord, RecordLevel } from './serve/event-record.ts'

export type LogLevel = ServeConfig['log']['level']

export interface ServeLog {
  write(record: EventRecord): void
  isLogged(level: RecordLevel): boolean
  setLevel(level: LogLevel): void
  /** Before the process ends: waits for what is being written, but not for ever. */
  flush(): Promise<void>
  /** In a process that is about to crash. */
  flushSync(): void
}

export interface LogDestination {
  write(line: string): void
  flush(): Promise<void>
  flushSync(): void
}

export function openLog(destination: LogDestination, level: LogLevel, bindings: Readonly<Record<string, number>> = {}): ServeLog {
  const logger = pino(
    {
      level,
      base: { pid: process.pid, ...bindings },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  )
  return {
    write({ level: recordLevel, event, fields }) {
      logger[recordLevel]({ event, ...fields })
    },
    isLogged: (asked) => logger.isLevelEnabled(asked),
    setLevel(wanted) {
      logger.level = wanted
    },
    flush: () => destination.flush(),
    flushSync: () => {
      destination.flushSync()
    },
  }
}
