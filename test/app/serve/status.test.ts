import { describe, expect, it } from 'vitest'
import { readinessOf, type ListenerStatus, type ProcessStatus, type ReadinessInput } from '../../../src/app/serve/status.ts'
import { ClientRow, commonVisibility } from '../../../src/app/serve/visibility.ts'
import type { GateEvent } from '../../../src/gateway/gate-event.ts'

const WELL = { state: 'closed', reason: null } as const
const ILL = { state: 'open', reason: '3 of 4 canary addresses could not be looked up' } as const
const UP: ListenerStatus = { name: 'milter:127.0.0.1:8893', isUp: true, sessions: 2, visibility: 'visible' }

function status(listeners: readonly ListenerStatus[] = [UP], resolver: ProcessStatus['resolver'] = WELL): ProcessStatus {
  return { listeners, resolver }
}

describe('readiness', () => {
  it.each<[string, Partial<ReadinessInput>, string[]]>([
    ['all is well', {}, []],
    ['stopping', { isStopping: true }, ['stopping']],
    ['a listener was lost', { statuses: [status([{ ...UP, isUp: false }])] }, ['milter:127.0.0.1:8893 does not listen']],
    ['one worker of two accepts for it', { statuses: [status([{ ...UP, isUp: false }]), status()] }, []],
    ['no worker runs', { statuses: [], workers: { wanted: 2, running: 0 } }, ['no worker is running']],
    [
      'our resolver is ill',
      { statuses: [status([UP], ILL)] },
      ['our resolver is ill: 3 of 4 canary addresses could not be looked up; nothing is refused for DNS reasons'],
    ],
    [
      'it is in one of two processes',
      { statuses: [status(), status([UP], ILL)] },
      ['our resolver is ill: 3 of 4 canary addresses could not be looked up (in 1 of 2 processes); nothing is refused for DNS reasons'],
    ],
    [
      'half-open is not well yet',
      { statuses: [status([UP], { ...ILL, state: 'halfOpen' })] },
      ['our resolver is ill: 3 of 4 canary addresses could not be looked up; nothing is refused for DNS reasons'],
    ],
  ])('%s', (_name, input, reasons) => {
    const readiness = readinessOf({ statuses: [status()], workers: null, isStopping: false, ...input })
    expect(readiness.reasons).toEqual(reasons)
    expect(readiness.ready).toBe(reasons.length === 0)
  })

  it('sessions of several processes add up', () => {
    const { listeners } = readinessOf({ statuses: [status(), status()], workers: null, isStopping: false })
    expect(listeners).toEqual([{ name: 'milter:127.0.0.1:8893', up: true, sessions: 4 }])
  })

  it('a worker is missing → a note, and ready all the same', () => {
    const readiness = readinessOf({ statuses: [status()], workers: { wanted: 2, running: 1 }, isStopping: false })
    expect(readiness).toMatchObject({ ready: true, notes: ['1 of 2 workers are running'] })
  })
})

describe('whether clients are hidden', () => {
  const client = {
    address: null,
    claimedName: null,
    authenticated: false,
    sender: null,
    recipients: [],
    recipientCount: 0,
    queueId: null,
  }
  const rowOf = (rule: string, times: number): ClientRow => {
    const row = new ClientRow()
    for (let count = 0; count < times; count++) row.observe({ kind: 'skipped', rule, client })
    return row
  }

  it.each([
    ['private', 49, 'unknown'],
    ['private', 50, 'hidden'],
    ['cgnat', 50, 'hidden'],
    ['uniqueLocal', 50, 'hidden'],
    ['loopback', 999, 'unknown'],
    ['loopback', 1000, 'hidden'],
    ['trustedNetworks', 5000, 'unknown'],
    ['authenticated', 5000, 'unknown'],
  ])('%s, %d times → %s', (rule, times, expected) => {
    expect(rowOf(rule, times).visibility()).toBe(expected)
  })

  it('one client that was judged → visible, and the row begins anew', () => {
    const row = rowOf('private', 60)
    const judged = { decision: {}, reply: null, judgement: {}, header: null }
    row.observe({ kind: 'decision', moment: 'message', verdict: judged, client } as unknown as GateEvent)
    expect(row.visibility()).toBe('visible')
  })

  it.each([
    [['hidden', 'visible'], 'visible'],
    [['hidden', 'unknown'], 'hidden'],
    [['unknown', 'unknown'], 'unknown'],
    [[], 'unknown'],
  ] as const)('%j in several processes → %s', (each, expected) => {
    expect(commonVisibility(each)).toBe(expected)
  })
})
