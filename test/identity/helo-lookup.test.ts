import { describe, expect, it } from 'vitest'
import { formatAddress, parseAddress, type IpAddress } from '../../src/core/address.ts'
import { name } from '../../src/core/domain-name.ts'
import type { DnsFailure, DnsOutcome, Question, Resolver } from '../../src/dns/resolver.ts'
import { lookupHelo, MAX_HELO_ADDRESSES } from '../../src/identity/helo-lookup.ts'

const ip = (text: string): IpAddress => {
  const address = parseAddress(text)
  if (!address) throw new TypeError(text)
  return address
}
const PEER = ip('198.51.100.7')
const PEER6 = ip('2001:db8::7')
const answered = { aliases: [], ttl: 300, authenticated: false }
const nodata: DnsOutcome = { kind: 'nodata', ...answered }
const nxdomain: DnsOutcome = { kind: 'nxdomain', ...answered }
const a = (...texts: string[]): DnsOutcome => ({
  kind: 'records',
  ...answered,
  records: texts.map((text) => ({ type: text.includes(':') ? 'AAAA' : 'A', name: name('mail.example.com'), ttl: 300, address: ip(text) })),
})

/** Answers by type and remembers what was asked; a type without an answer never gets one. */
function fakeResolver(answers: Partial<Record<string, DnsOutcome>>): Resolver & { readonly asked: Question[] } {
  const asked: Question[] = []
  return {
    asked,
    resolve(question) {
      asked.push(question)
      const outcome = answers[question.type]
      return outcome ? Promise.resolve(outcome) : new Promise(() => undefined)
    },
  }
}

/** A timer that runs out when the test says so. */
function manualTimer() {
  let run: (() => void) | undefined
  let milliseconds: number | undefined
  let isCancelled = false
  return {
    start: (time: number, callback: () => void) => {
      run = callback
      milliseconds = time
      return () => {
        isCancelled = true
      }
    },
    fire: () => run?.(),
    milliseconds: () => milliseconds,
    cancelled: () => isCancelled,
  }
}

const resolution = async (answers: Partial<Record<string, DnsOutcome>>, peer = PEER) => {
  const resolver = fakeResolver(answers)
  const facts = await lookupHelo('Mail.Example.com', peer, { resolver, deadlineMs: 5000 })
  return { resolution: facts.resolution, types: resolver.asked.map(({ type }) => type) }
}

describe('lookupHelo', () => {
  it('keeps the claimed name as it was sent and asks for the parsed one', async () => {
    const resolver = fakeResolver({ A: a('198.51.100.7') })
    const facts = await lookupHelo('Mail.Example.com.', PEER, { resolver, deadlineMs: 5000 })
    expect(facts).toMatchObject({ kind: 'helo', claimedName: 'Mail.Example.com.', form: { kind: 'name', name: 'Mail.Example.com' } })
    expect(resolver.asked).toEqual([{ name: 'Mail.Example.com', type: 'A' }])
  })

  it.each(['', '[198.51.100.7]', '198.51.100.7', 'mail', 'localhost', 'localhost.localdomain', 'mail example.com', 'müller.example'])(
    '%j is not looked up',
    async (claimedName) => {
      const resolver = fakeResolver({})
      const facts = await lookupHelo(claimedName, PEER, { resolver, deadlineMs: 5000 })
      expect(facts.resolution).toEqual({ kind: 'notAsked' })
      expect(resolver.asked).toEqual([])
    },
  )

  it('asks one question when the family of the peer answers', async () => {
    expect(await resolution({ A: a('198.51.100.7') })).toMatchObject({
      resolution: { kind: 'addresses', addresses: [PEER], ttl: 300 },
      types: ['A'],
    })
    expect(await resolution({ AAAA: a('2001:db8::7') }, PEER6)).toMatchObject({ resolution: { kind: 'addresses' }, types: ['AAAA'] })
  })

  it('an IPv4-mapped peer is an IPv4 peer', async () => {
    expect(await resolution({ A: a('198.51.100.7') }, ip('::ffff:198.51.100.7'))).toMatchObject({ types: ['A'] })
  })

  it('asks the other family only after an empty answer', async () => {
    expect(await resolution({ A: nodata, AAAA: a('2001:db8::7') })).toEqual({
      resolution: { kind: 'otherFamilyOnly', addresses: [PEER6] },
      types: ['A', 'AAAA'],
    })
    expect(await resolution({ A: nodata, AAAA: nodata })).toEqual({ resolution: { kind: 'none', nxdomain: false }, types: ['A', 'AAAA'] })
    expect(await resolution({ A: nxdomain })).toEqual({ resolution: { kind: 'none', nxdomain: true }, types: ['A'] })
  })

  it.each(['aliasLoop', 'aliasTooDeep'] as const)('%s → no address, and no further question', async (kind) => {
    expect(await resolution({ A: { kind, aliases: [] } })).toEqual({ resolution: { kind: 'none', nxdomain: false }, types: ['A'] })
  })

  const failures: readonly [DnsFailure, string][] = [
    [{ kind: 'servfail' }, 'servfail'],
    [{ kind: 'refused' }, 'refused'],
    [{ kind: 'timeout' }, 'timeout'],
    [{ kind: 'malformed', detail: 'x' }, 'malformed'],
    [{ kind: 'overBudget' }, 'deadline'],
  ]
  it.each(failures)('%j at either family → unknown, never "none"', async (failure, outcome) => {
    expect((await resolution({ A: failure })).resolution).toEqual({ kind: 'unknown', outcome })
    expect((await resolution({ A: nodata, AAAA: failure })).resolution).toEqual({ kind: 'unknown', outcome })
  })

  it('keeps distinct addresses in canonical order', async () => {
    const { resolution: found } = await resolution({ A: a('198.51.100.9', '198.51.100.7', '198.51.100.9') })
    expect(found).toMatchObject({ addresses: [ip('198.51.100.7'), ip('198.51.100.9')] })
  })

  it('keeps a bounded number of addresses, that of the peer among them', async () => {
    const many = Array.from({ length: 250 }, (_, index) => `192.0.2.${String(index + 1)}`)
    const { resolution: found } = await resolution({ A: a(...many, '198.51.100.7') })
    if (found.kind !== 'addresses') throw new TypeError(found.kind)
    expect(found.addresses).toHaveLength(MAX_HELO_ADDRESSES)
    expect(found.addresses.map(formatAddress)).toContain('198.51.100.7')
    const { resolution: without } = await resolution({ A: a(...many) })
    if (without.kind !== 'addresses') throw new TypeError(without.kind)
    expect(without.addresses).toHaveLength(MAX_HELO_ADDRESSES)
  })

  it('no answer within the deadline → unknown, even from a resolver that knows no deadline', async () => {
    const timer = manualTimer()
    const pending = lookupHelo('mail.example.com', PEER, { resolver: fakeResolver({}), deadlineMs: 5000, startTimer: timer.start })
    expect(timer.milliseconds()).toBe(5000)
    timer.fire()
    expect((await pending).resolution).toEqual({ kind: 'unknown', outcome: 'deadline' })
    expect(timer.cancelled()).toBe(true)
  })

  it('the deadline is over both questions, and no further question is allowed after it', async () => {
    const timer = manualTimer()
    const allowed: (boolean | undefined)[] = []
    const resolver: Resolver = {
      resolve: ({ type }, options) => {
        if (type === 'A') return Promise.resolve(nodata)
        timer.fire()
        allowed.push(options?.takeQuery?.())
        return new Promise(() => undefined)
      },
    }
    const facts = await lookupHelo('mail.example.com', PEER, { resolver, deadlineMs: 5000, startTimer: timer.start })
    expect(facts.resolution).toEqual({ kind: 'unknown', outcome: 'deadline' })
    expect(allowed).toEqual([false])
  })

  it('stops its timer when the answer is there', async () => {
    const timer = manualTimer()
    await lookupHelo('mail.example.com', PEER, { resolver: fakeResolver({ A: nxdomain }), deadlineMs: 5000, startTimer: timer.start })
    expect(timer.cancelled()).toBe(true)
  })

  it("the caller's signal → aborted, before or during the lookup", async () => {
    const early = fakeResolver({})
    const before = await lookupHelo('mail.example.com', PEER, { resolver: early, deadlineMs: 5000, signal: AbortSignal.abort() })
    expect(before.resolution).toEqual({ kind: 'unknown', outcome: 'aborted' })
    expect(early.asked).toEqual([])
    const controller = new AbortController()
    const during = lookupHelo('mail.example.com', PEER, { resolver: fakeResolver({}), deadlineMs: 5000, signal: controller.signal })
    controller.abort()
    expect((await during).resolution).toEqual({ kind: 'unknown', outcome: 'aborted' })
  })
})
