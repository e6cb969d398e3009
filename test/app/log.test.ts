import { describe, expect, it } from 'vitest'
import { openLog, type LogDestination } from '../../src/app/log.ts'

const RECORD = { level: 'info', event: 'decision', fields: { address: '198.51.100.8', to: ['a@b.example'] } } as const

function memory(lines: string[]): LogDestination {
  return { write: (line) => lines.push(line), flush: () => Promise.resolve(), flushSync: () => undefined }
}

describe('the log', () => {
  it('a record is one line of JSON, with level, time and process', () => {
    const lines: string[] = []
    openLog(memory(lines), 'info', { worker: 3 }).write(RECORD)
    expect(lines).toEqual([expect.stringMatching(/^\{.*\}\n$/)])
    expect(JSON.parse(lines[0] ?? '')).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string,
      pid: process.pid,
      worker: 3,
      event: 'decision',
      address: '198.51.100.8',
      to: ['a@b.example'],
    })
  })

  it('what is below the level is left out, also after a change of it', () => {
    const lines: string[] = []
    const log = openLog(memory(lines), 'warn')
    log.write(RECORD)
    expect(log.isLogged('info')).toBe(false)
    log.setLevel('info')
    log.write(RECORD)
    log.setLevel('silent')
    log.write({ ...RECORD, level: 'error' })
    expect(lines).toHaveLength(1)
  })
})
