/** What every command is given, and how it says that its user made a mistake. */
import type { Terminal } from './terminal.ts'

export interface CommandContext {
  readonly terminal: Terminal
  /** Fires on Ctrl-C: stop, and report what there is. */
  readonly signal: AbortSignal
  finish(exitCode: number): void
  /** From now on SIGINT and SIGTERM are the command's own business; `signal` no longer fires. */
  takeSignals(): void
}

/** A mistake of the user's: one line that says what and where. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
