import { describe, expect, it } from 'vitest'
import { configKeys } from '../../../src/app/config/config-keys.ts'
import { nearestOf } from '../../../src/app/config/suggest.ts'

const KEYS = [...new Set(configKeys().map(({ name }) => name))]

describe('the nearest word', () => {
  it.each([
    ['adress', 'address'],
    ['addres', 'address'],
    ['lsiteners', 'listeners'],
    ['listner', 'listeners'],
    ['timeout', 'timeoutMs'],
    ['timeout_ms', 'timeoutMs'],
    ['timeout-ms', 'timeoutMs'],
    ['TIMEOUTMS', 'timeoutMs'],
    ['timeoutSeconds', 'timeoutMs'],
    ['drain', 'drainMs'],
    ['maxConnection', 'maxConnections'],
    ['max_connections', 'maxConnections'],
    ['nexthop', 'nextHop'],
    ['heloUnresolveable', 'heloUnresolvable'],
    ['dryrun', 'dryRun'],
    ['trustedNetwork', 'trustedNetworks'],
    ['percentage', 'percent'],
  ])('of %s is %s', (word, expected) => {
    expect(nearestOf(word, KEYS)).toBe(expected)
  })

  it.each(['colour', 'x', '', 'authentication', 'a'.repeat(10_000)])('is none for %s', (word) => {
    expect(nearestOf(word, KEYS)).toBeUndefined()
  })
})
