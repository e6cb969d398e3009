/** What a process still holds: its network handles, which tests compare with nothing, and its heap. */
import type { Socket } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** TCP, UDP and unix sockets, listening ones included; the pipes of the test runner are none of ours. */
function networkHandles(): readonly string[] {
  return process.getActiveResourcesInfo().filter((name) => /^(?:TCP|UDP)/.test(name))
}

/** Resolves once none is left: the ends of connections that were closed take a turn or two. */
export async function networkHandlesGone(): Promise<void> {
  await turnsUntil(
    () => networkHandles().length === 0,
    () => `still open: ${networkHandles().join(', ')}`,
  )
}

/** Lets others have their turn until it is so. */
export async function turnsUntil(isSo: () => boolean, problem: () => string): Promise<void> {
  const endsAt = performance.now() + GIVE_UP_MS
  while (!isSo()) {
    if (performance.now() > endsAt) throw new Error(problem())
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** A reset is an end as good as any. */
export function closeOf(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) resolve()
    else socket.once('close', () => resolve())
  })
}

const GIVE_UP_MS = 20_000

/** After a full collection; in bytes. */
export function heapInUse(): number {
  collectGarbage()
  return process.memoryUsage().heapUsed
}

let collect: (() => void) | undefined

function collectGarbage(): void {
  if (collect === undefined) {
    setFlagsFromString('--expose-gc')
    collect = runInNewContext('gc') as () => void
  }
  collect()
}
