/** What can keep the service from starting, and whose business it is: the admin's (exit 2), or ours (exit 1). */
import { ListenerError } from './front-ends.ts'
import { DnsConfigError } from './live-dns.ts'

/** A worker could not start or reload; its own words, from another process. */
export class WorkerError extends Error {
  override readonly name = 'WorkerError'
  readonly isConfigError: boolean

  constructor(message: string, options: { readonly isConfigError: boolean }) {
    super(message)
    this.isConfigError = options.isConfigError
  }
}

export function isConfigError(error: unknown): boolean {
  return error instanceof DnsConfigError || ((error instanceof ListenerError || error instanceof WorkerError) && error.isConfigError)
}

/** Expected: a sentence for the admin says it all. */
export function isStartProblem(error: unknown): error is Error {
  return error instanceof DnsConfigError || error instanceof ListenerError || error instanceof WorkerError
}
