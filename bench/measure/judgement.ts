/** What a client costs once its facts are there; see judgement-child.mjs. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { median, type Measurement } from './table.ts'

export function measureJudgement(): Measurement {
  const program = fileURLToPath(new URL('../judgement-child.mjs', import.meta.url))
  const { stdout, status } = spawnSync(process.execPath, [program], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
  if (status !== 0) throw new Error(`the process under measurement (judgement) ended with ${String(status)}`)
  const details = JSON.parse(stdout) as { costs: number[]; octetsPerClient: number }
  return {
    name: 'findings, decision and all renderings, a client',
    value: median(details.costs),
    unit: 'µs',
    bound: { kind: 'atMost', value: 20 },
    details,
  }
}
