/**
 * What a reload does with each listener, decided before anything is touched: those that would serve just the same are kept,
 * so that nobody who is connected notices.
 */
import type { ListenerConfig } from '../config/schema.ts'
import type { LoadedListener } from './front-ends.ts'

export interface ListenerPlan<Running> {
  /** As it runs, and as it is wanted: the files that it names may hold something else than before. */
  readonly keep: readonly { readonly old: Running; readonly listener: LoadedListener }[]
  readonly add: readonly LoadedListener[]
  readonly remove: readonly Running[]
  /** The same address, but not the same listener: it cannot be there twice. */
  readonly replace: readonly { readonly old: Running; readonly listener: LoadedListener }[]
}

export function planListeners<Running extends { readonly listener: LoadedListener }>(
  running: readonly Running[],
  wanted: readonly LoadedListener[],
): ListenerPlan<Running> {
  const left = [...running]
  const take = (matches: (candidate: LoadedListener) => boolean): Running | undefined => {
    const index = left.findIndex(({ listener }) => matches(listener))
    return index < 0 ? undefined : left.splice(index, 1)[0]
  }
  const keep: { old: Running; listener: LoadedListener }[] = []
  const changed: LoadedListener[] = []
  for (const listener of wanted) {
    const old = take(({ key }) => key === listener.key)
    if (old) keep.push({ old, listener })
    else changed.push(listener)
  }
  const replace: { old: Running; listener: LoadedListener }[] = []
  const add: LoadedListener[] = []
  for (const listener of changed) {
    const old = take(({ config }) => isSamePlace(config, listener.config))
    if (old) replace.push({ old, listener })
    else add.push(listener)
  }
  return { keep, add, remove: left, replace }
}

/** Port 0 is another one each time. */
function isSamePlace({ address: left }: ListenerConfig, { address: right }: ListenerConfig): boolean {
  if (left.kind === 'unix') return right.kind === 'unix' && left.path === right.path
  return right.kind === 'tcp' && left.port !== 0 && left.port === right.port && left.host === right.host
}
