/** What Linux knows of a process, and of what this one may do. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

export function residentMiB(pid: number): number {
  const kibibytes = /^VmRSS:\s+([0-9]+) kB$/m.exec(readFileSync(`/proc/${String(pid)}/status`, 'utf8'))?.[1]
  if (kibibytes === undefined) throw new Error(`process ${String(pid)} has no memory`)
  return Math.round(Number(kibibytes) / 102.4) / 10
}

/** Node raises its own limit to this. */
export function mostOpenFiles(): number {
  const text = execFileSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' }).trim()
  return text === 'unlimited' ? Infinity : Number(text)
}
