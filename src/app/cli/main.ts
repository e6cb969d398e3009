#!/usr/bin/env node
/** The program: hands the process to `runCommandLine` and turns its result into an exit code. */
import { EXIT } from './terminal.ts'
import { runCommandLine } from './run.ts'

// A reader such as `head` that closes early is no error of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(process.exitCode ?? EXIT.aligned)
  throw error
})

process.exitCode = await runCommandLine(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  stdin: process.stdin,
  environment: process.env,
})
