/**
 * For each alert, series that raise it and series that must not, in the notation of promtool: `0+2x10` is 0 and ten steps of 2, `_`
 * is nothing at all; a step is a minute.
 */
export interface AlertCase {
  readonly alert: string
  /** When to look, in minutes. */
  readonly at: number
  readonly fires: Series
  readonly summary: string
  /** Of the alert beside its name and severity. */
  readonly labels: Readonly<Record<string, string>>
  readonly quiet: Readonly<Record<string, Series>>
}

/** By the series, its values. */
export type Series = Readonly<Record<string, string>>

const JOB = { job: 'ptrgate', instance: 'mx:8895' }
const LISTENER = { ...JOB, listener: 'milter:127.0.0.1:8893' }

export const ALERT_CASES: readonly AlertCase[] = [
  {
    alert: 'PtrgateDown',
    at: 10,
    fires: { [series('up', JOB)]: '1x5 0x10' },
    summary: 'ptrgate on mx:8895 does not answer',
    labels: JOB,
    quiet: { 'it answers': { [series('up', JOB)]: '1x15' }, 'one scrape failed': { [series('up', JOB)]: '1x8 0 1x5' } },
  },
  {
    alert: 'PtrgateResolverIll',
    at: 10,
    fires: { [series('ptrgate_resolver_open', JOB)]: '0x3 1x10' },
    summary: 'The DNS resolver of ptrgate on mx:8895 is ill',
    labels: JOB,
    quiet: {
      'it is well': { [series('ptrgate_resolver_open', JOB)]: '0x15' },
      'it has fallen ill just now': { [series('ptrgate_resolver_open', JOB)]: '0x8 1x10' },
    },
  },
  {
    alert: 'PtrgateClientsHidden',
    at: 15,
    fires: { [series('ptrgate_hidden_clients', LISTENER)]: '1x20' },
    summary: 'milter:127.0.0.1:8893 sees only private client addresses',
    labels: LISTENER,
    quiet: { 'nobody is hidden': {}, 'for a moment': { [series('ptrgate_hidden_clients', LISTENER)]: '_x9 1x10' } },
  },
  {
    alert: 'PtrgateManyDeferrals',
    at: 50,
    fires: decisions({ defer: '0+3x60', accept: '0+7x60' }),
    summary: 'ptrgate on mx:8895 defers 30% of all mail',
    labels: { instance: JOB.instance },
    quiet: {
      'one in ten': decisions({ defer: '0+1x60', accept: '0+9x60' }),
      'all, but hardly any mail': decisions({ defer: '0+1x60' }),
      none: decisions({ accept: '0+10x60' }),
    },
  },
  {
    alert: 'PtrgateManyRejections',
    at: 1490,
    fires: decisions({ reject: '0+2x1450 2920+20x60' }),
    summary: 'ptrgate on mx:8895 rejects three times as much as yesterday',
    labels: { instance: JOB.instance },
    quiet: {
      'as many as yesterday': decisions({ reject: '0+20x1510' }),
      'more than yesterday, but few': decisions({ reject: '0x1450 0+1x60' }),
      'it was not there yesterday': decisions({ reject: '_x1450 0+20x60' }),
    },
  },
  {
    alert: 'PtrgateManyRejections',
    at: 1490,
    fires: decisions({ reject: '_x1450 0+20x60', accept: '0+10x1510' }),
    summary: 'ptrgate on mx:8895 rejects three times as much as yesterday',
    labels: { instance: JOB.instance },
    quiet: { 'none, neither yesterday nor today': decisions({ accept: '0+5x1510' }) },
  },
  {
    alert: 'PtrgateErrors',
    at: 12,
    fires: { [series('ptrgate_errors_total', { ...LISTENER, kind: 'internal' })]: '0x8 1x10' },
    summary: 'Faults within ptrgate on mx:8895',
    labels: { ...LISTENER, kind: 'internal' },
    quiet: {
      'none any more': { [series('ptrgate_errors_total', { ...LISTENER, kind: 'internal' })]: '7x20' },
      'those of sockets': { [series('ptrgate_errors_total', { ...LISTENER, kind: 'socket' })]: '0+1x20' },
    },
  },
  {
    alert: 'PtrgateSocketTrouble',
    at: 12,
    fires: { [series('ptrgate_errors_total', { ...LISTENER, kind: 'socket' })]: '0+3x20' },
    summary: 'Trouble with the sockets of milter:127.0.0.1:8893 on mx:8895',
    labels: { ...LISTENER, kind: 'socket' },
    quiet: { 'now and then': { [series('ptrgate_errors_total', { ...LISTENER, kind: 'socket' })]: '0x5 4x20' } },
  },
  {
    alert: 'PtrgateTooManyConnections',
    at: 12,
    fires: { [series('ptrgate_protocol_errors_total', { ...LISTENER, reason: 'tooManyConnections' })]: '0x8 1x10' },
    summary: 'milter:127.0.0.1:8893 on mx:8895 turns connections away',
    labels: { ...LISTENER, reason: 'tooManyConnections' },
    quiet: { 'another reason': { [series('ptrgate_protocol_errors_total', { ...LISTENER, reason: 'timeout' })]: '0+5x20' } },
  },
  {
    alert: 'PtrgateFileDescriptors',
    at: 10,
    fires: descriptors('900x15'),
    summary: 'ptrgate on mx:8895 uses 90% of its file descriptors',
    labels: JOB,
    quiet: { enough: descriptors('700x15'), 'for a moment': descriptors('100x8 950 100x5') },
  },
  {
    alert: 'PtrgateWorkersDie',
    at: 12,
    fires: { [series('ptrgate_worker_restarts_total', JOB)]: '0x5 1 2 3x10' },
    summary: 'Workers of ptrgate on mx:8895 die and are replaced',
    labels: JOB,
    quiet: { one: { [series('ptrgate_worker_restarts_total', JOB)]: '0x5 1x10' } },
  },
  {
    alert: 'PtrgateReloadRefused',
    at: 12,
    fires: { [series('ptrgate_reloads_total', { ...JOB, outcome: 'refused' })]: '0x8 1x10' },
    summary: 'ptrgate on mx:8895 has refused a reload',
    labels: { ...JOB, outcome: 'refused' },
    quiet: { applied: { [series('ptrgate_reloads_total', { ...JOB, outcome: 'applied' })]: '0+1x20' } },
  },
  {
    alert: 'PtrgateLogLost',
    at: 12,
    fires: { [series('ptrgate_log_lines_lost_total', JOB)]: '0x8 1x10' },
    summary: 'ptrgate on mx:8895 cannot write its log',
    labels: JOB,
    quiet: { 'none any more': { [series('ptrgate_log_lines_lost_total', JOB)]: '900x20' } },
  },
]

function series(name: string, labels: Readonly<Record<string, string>>): string {
  return `${name}{${Object.entries(labels)
    .map(([label, value]) => `${label}=${JSON.stringify(value)}`)
    .join(',')}}`
}

function decisions(byAction: Readonly<Record<string, string>>): Series {
  const name = (action: string): string => series('ptrgate_decisions_total', { ...LISTENER, action, result: 'fail' })
  return Object.fromEntries(Object.entries(byAction).map(([action, values]) => [name(action), values]))
}

function descriptors(open: string): Series {
  return { [series('ptrgate_process_open_fds', JOB)]: open, [series('ptrgate_process_max_fds', JOB)]: '1000x15' }
}
