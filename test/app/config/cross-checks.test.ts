import { describe, expect, it } from 'vitest'
import { crossCheckListeners } from '../../../src/app/config/cross-checks.ts'

function problemsOf(listeners: unknown): string[] {
  return crossCheckListeners(listeners).map(({ path, message }) => `${path.join('.')}: ${message}`)
}

const milterAt = (address: string): object => ({ kind: 'milter', address })
const gateway = (address: string, nextHop: string): object => ({ kind: 'smtp', address, nextHop })

describe('two listeners at one address', () => {
  it.each([
    ['127.0.0.1:8893', '127.0.0.1:8893', 'listeners[0] (milter) listens at 127.0.0.1:8893, too'],
    ['unix:/run/m.sock', 'unix:/run/m.sock', 'listeners[0] (milter) listens at unix:/run/m.sock, too'],
    ['[::1]:8893', '[0:0:0:0:0:0:0:1]:8893', 'listeners[0] (milter) listens at [::1]:8893, which includes [0:0:0:0:0:0:0:1]:8893'],
    [
      '127.0.0.1:8893',
      '[::ffff:127.0.0.1]:8893',
      'listeners[0] (milter) listens at 127.0.0.1:8893, which includes [::ffff:127.0.0.1]:8893',
    ],
    [
      'MX.example.org:8893',
      'mx.example.org:8893',
      'listeners[0] (milter) listens at MX.example.org:8893, which includes mx.example.org:8893',
    ],
    ['0.0.0.0:8893', '127.0.0.1:8893', 'listeners[0] (milter) listens at 0.0.0.0:8893, which includes 127.0.0.1:8893'],
    ['127.0.0.1:8893', '0.0.0.0:8893', '0.0.0.0:8893 includes 127.0.0.1:8893, where listeners[0] (milter) listens'],
    ['[::]:8893', '0.0.0.0:8893', 'listeners[0] (milter) listens at [::]:8893, which includes 0.0.0.0:8893'],
    ['[::1]:8893', '[::]:8893', '[::]:8893 includes [::1]:8893, where listeners[0] (milter) listens'],
  ])('%s and %s', (first, second, message) => {
    expect(problemsOf([milterAt(first), milterAt(second)])).toEqual([`listeners.1.address: ${message}`])
  })

  it.each([
    ['127.0.0.1:8893', '127.0.0.1:8894'],
    ['127.0.0.1:8893', '127.0.0.2:8893'],
    ['127.0.0.1:8893', '[::1]:8893'],
    ['0.0.0.0:8893', '[::1]:8893'],
    ['127.0.0.1:0', '127.0.0.1:0'],
    ['unix:/run/a.sock', 'unix:/run/b.sock'],
  ])('%s and %s go together', (first, second) => {
    expect(problemsOf([milterAt(first), milterAt(second)])).toEqual([])
  })

  it('counts defaults, and those of other kinds', () => {
    expect(problemsOf([{ kind: 'milter' }, { kind: 'milter' }, { kind: 'http', address: '127.0.0.1:8893' }])).toEqual([
      'listeners.1.address: listeners[0] (milter) listens at 127.0.0.1:8893, too',
      'listeners.2.address: listeners[0] (milter) listens at 127.0.0.1:8893, too',
    ])
  })

  it('leaves out what is invalid in itself, and keeps the numbers of the others', () => {
    expect(problemsOf(['milter', milterAt('nonsense'), milterAt('127.0.0.1:1'), null, milterAt('127.0.0.1:1')])).toEqual([
      'listeners.4.address: listeners[2] (milter) listens at 127.0.0.1:1, too',
    ])
    expect(problemsOf(undefined)).toEqual([])
    expect(problemsOf('milter')).toEqual([])
  })
})

describe('a next hop of our own', () => {
  it.each([
    ['127.0.0.1:2525', '127.0.0.1:2525'],
    ['127.0.0.1:2525', 'localhost:2525'],
    ['localhost:2525', '127.0.0.1:2525'],
    ['[::1]:2525', 'LOCALHOST:2525'],
    ['0.0.0.0:2525', '127.0.0.1:2525'],
    ['0.0.0.0:2525', 'localhost:2525'],
    ['[::]:2525', '[::1]:2525'],
    ['[::]:2525', '127.0.0.1:2525'],
    ['unix:/run/gate.sock', 'unix:/run/gate.sock'],
    ['198.51.100.25:25', '198.51.100.25:25'],
  ])('%s that hands on to %s goes round in circles', (address, nextHop) => {
    expect(problemsOf([gateway(address, nextHop)])).toEqual([
      'listeners.0.nextHop: the next hop is this listener itself: mail would go round in circles',
    ])
  })

  it.each([
    ['127.0.0.1:2525', '127.0.0.1:10025'],
    ['0.0.0.0:2525', '198.51.100.25:2525'],
    ['0.0.0.0:2525', '[::1]:2525'],
    ['127.0.0.1:2525', 'mail.example.com:2525'],
    ['unix:/run/gate.sock', 'unix:/run/mta.sock'],
  ])('%s that hands on to %s does not', (address, nextHop) => {
    expect(problemsOf([gateway(address, nextHop)])).toEqual([])
  })

  it('may be another gateway, unless mail comes back by way of it', () => {
    expect(problemsOf([gateway('127.0.0.1:1', '127.0.0.1:2'), gateway('127.0.0.1:2', '127.0.0.1:25')])).toEqual([])
    expect(
      problemsOf([gateway('127.0.0.1:1', '127.0.0.1:2'), gateway('127.0.0.1:2', '127.0.0.1:3'), gateway('127.0.0.1:3', '127.0.0.1:2')]),
    ).toEqual([
      'listeners.1.nextHop: by way of our own listeners[2] mail would come back here: it would go round in circles',
      'listeners.2.nextHop: by way of our own listeners[1] mail would come back here: it would go round in circles',
    ])
  })

  it('must speak SMTP', () => {
    expect(problemsOf([{ kind: 'milter' }, gateway('127.0.0.1:2525', '127.0.0.1:8893')])).toEqual([
      'listeners.1.nextHop: the next hop is our own listeners[0] (milter), which speaks no SMTP',
    ])
  })
})
