/**
 * Runs an async function over a list, several at a time, and yields the results in the order of the list.
 * At most `concurrency` results wait for their turn, so memory stays bounded however long the list is.
 */
export async function* mapInOrder<Input, Output>(
  inputs: Iterable<Input>,
  concurrency: number,
  run: (input: Input) => Promise<Output>,
): AsyncGenerator<Output> {
  const running: Promise<Output>[] = []
  const start = (input: Input): void => {
    const promise = run(input)
    // The rejection is seen when its turn comes; until then it must not count as unhandled.
    promise.catch(() => undefined)
    running.push(promise)
  }
  for (const input of inputs) {
    if (running.length >= concurrency) {
      const first = running.shift()
      if (first) yield await first
    }
    start(input)
  }
  for (const promise of running) yield await promise
}
