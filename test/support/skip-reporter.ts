/**
 * Says at the end of a run how many tests were skipped and why: a suite that leaves something out must not look complete.
 * The reason stands in the name of the test or of a suite around it: `… (skipped: no container engine)`.
 */
import type { Reporter, TestCase, TestModule } from 'vitest/node'

export class SkipReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const counts = new Map<string, number>()
    for (const module of modules) {
      for (const test of module.children.allTests('skipped')) counts.set(reasonOf(test), (counts.get(reasonOf(test)) ?? 0) + 1)
    }
    for (const [reason, count] of counts) process.stdout.write(`Skipped: ${String(count)} tests (${reason})\n`)
  }
}

function reasonOf(test: TestCase): string {
  return /\(skipped: ([^)]*)\)/.exec(test.fullName)?.[1] ?? 'no reason given'
}
