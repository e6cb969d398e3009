/**
 * `ptrgate serve` with few file descriptors: `descriptors-child.ts SPARE CONFIG`, so many more than it takes to load the program.
 * SIGUSR2 takes all that are left, and gives them back when it comes again.
 */
import { execFileSync } from 'node:child_process'
import { closeSync, openSync, readdirSync, writeSync } from 'node:fs'
import '../../src/app/cli/run.ts'

const [, , spare = '', config = ''] = process.argv
// Numbers are given out from the lowest that is free; those above the limit that are in use stay so.
const limit = readdirSync('/proc/self/fd').length + Number(spare)
execFileSync('prlimit', ['--pid', String(process.pid), `--nofile=${String(limit)}:${String(limit)}`])

const taken: number[] = []
process.on('SIGUSR2', () => {
  if (taken.length > 0) for (const descriptor of taken.splice(0)) closeSync(descriptor)
  else takeAll()
  writeSync(2, taken.length > 0 ? 'taken\n' : 'given back\n')
})

function takeAll(): void {
  try {
    for (;;) taken.push(openSync('/dev/null', 'r'))
  } catch {
    // None is left.
  }
}

process.argv.splice(2, 2, 'serve', '--config', config)
await import('../../src/app/cli/main.ts')
