import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalName, isWithin, labelsOf, name, nameFromLabels, type DomainName } from '../../src/core/domain-name.ts'
import type { RecordType, ResourceRecord } from '../../src/core/dns-record.ts'
import { AuthorityZones, type ZoneAnswer, type ZoneQuestion } from '../../src/dns/authority-zones.ts'
import { formatRecord } from '../../src/wire/zone-file.ts'
import { zoneRecords } from '../support/zone.ts'

const LAB = `
$ORIGIN lab.test.
@ SOA ns hostmaster 1 3600 600 86400 60
@ NS ns
@ MX 10 mail
ns A 127.0.0.53
mail A 127.0.0.25
mail A 127.0.0.26
Mixed.Case A 127.0.0.1
a.b.c A 127.0.0.2
alias CNAME mail
chain1 CNAME chain2
chain2 CNAME alias
dangling CNAME nowhere
away CNAME www.example.org.
loop1 CNAME loop2
loop2 CNAME loop1
self CNAME self
*.wild A 127.0.0.9
*.wild MX 10 mail
host.wild TXT "mine"
under.deep.wild A 127.0.0.8
*.walias CNAME mail
a.*.star A 127.0.0.7
sub NS ns.sub
sub NS ns.elsewhere.org.
sub DS 1 13 2 00
ns.sub A 127.0.0.54
hidden.sub A 127.0.0.55
child NS ns.child
child DS 2 13 2 00
$ORIGIN child.lab.test.
@ SOA ns hostmaster 1 3600 600 86400 30
@ NS ns
ns A 127.0.0.56
x A 127.0.0.57
a\\.b A 127.0.0.58
$ORIGIN .
orphan.example A 127.0.0.99
`

const zones = new AuthorityZones(zoneRecords(LAB))

function lookup(asked: string, type: RecordType, overrides: Partial<ZoneQuestion> = {}, where = zones): ZoneAnswer {
  return where.lookup({ name: name(asked), type, withSignatures: false, follow: () => true, ...overrides })
}

/** Status, answer records, and SOA or NS of the authority section, in few words. */
function summary(asked: string, type: RecordType, overrides: Partial<ZoneQuestion> = {}, where = zones): string {
  const answer = lookup(asked, type, overrides, where)
  if (answer.kind === 'outside') return 'outside'
  const answers = answer.answers.map((record) => formatRecord(record).replace(/ [0-9]+ IN /, ' '))
  const authority = answer.authorities.map((record) => `${record.type}:${record.name}`)
  return [answer.nxdomain ? 'nxdomain' : 'noerror', ...(answer.authoritative ? [] : ['referral']), ...answers, ...authority].join(' | ')
}

describe('answers from the zones', () => {
  const cases: readonly (readonly [string, RecordType, string])[] = [
    ['mail.lab.test', 'A', 'noerror | mail.lab.test. A 127.0.0.25 | mail.lab.test. A 127.0.0.26'],
    ['MAIL.Lab.test', 'A', 'noerror | MAIL.Lab.test. A 127.0.0.25 | MAIL.Lab.test. A 127.0.0.26'],
    ['mixed.case.lab.test', 'A', 'noerror | mixed.case.lab.test. A 127.0.0.1'],
    ['mail.lab.test', 'AAAA', 'noerror | SOA:lab.test'],
    ['nobody.lab.test', 'A', 'nxdomain | SOA:lab.test'],
    ['nobody.mail.lab.test', 'A', 'nxdomain | SOA:lab.test'],
    ['lab.test', 'A', 'noerror | SOA:lab.test'],
    ['lab.test', 'SOA', 'noerror | lab.test. SOA ns.lab.test. hostmaster.lab.test. 1 3600 600 86400 60'],
    ['lab.test', 'NS', 'noerror | lab.test. NS ns.lab.test.'],
    ['example.org', 'A', 'outside'],
    ['test', 'A', 'outside'],
    ['.', 'A', 'outside'],
    ['notlab.test', 'A', 'outside'],
    ['orphan.example', 'A', 'outside'],
    // Empty non-terminals exist (RFC 4592 §2.2.2).
    ['b.c.lab.test', 'A', 'noerror | SOA:lab.test'],
    ['c.lab.test', 'A', 'noerror | SOA:lab.test'],
    ['x.b.c.lab.test', 'A', 'nxdomain | SOA:lab.test'],
    // CNAME
    ['alias.lab.test', 'CNAME', 'noerror | alias.lab.test. CNAME mail.lab.test.'],
    ['alias.lab.test', 'A', 'noerror | alias.lab.test. CNAME mail.lab.test. | mail.lab.test. A 127.0.0.25 | mail.lab.test. A 127.0.0.26'],
    ['alias.lab.test', 'AAAA', 'noerror | alias.lab.test. CNAME mail.lab.test. | SOA:lab.test'],
    ['dangling.lab.test', 'A', 'nxdomain | dangling.lab.test. CNAME nowhere.lab.test. | SOA:lab.test'],
    ['away.lab.test', 'A', 'noerror | away.lab.test. CNAME www.example.org.'],
    ['loop1.lab.test', 'A', 'noerror | loop1.lab.test. CNAME loop2.lab.test. | loop2.lab.test. CNAME loop1.lab.test.'],
    ['self.lab.test', 'A', 'noerror | self.lab.test. CNAME self.lab.test.'],
    // Wildcards (RFC 4592)
    ['x.wild.lab.test', 'A', 'noerror | x.wild.lab.test. A 127.0.0.9'],
    ['x.y.z.wild.lab.test', 'A', 'noerror | x.y.z.wild.lab.test. A 127.0.0.9'],
    ['*.wild.lab.test', 'A', 'noerror | *.wild.lab.test. A 127.0.0.9'],
    ['x.wild.lab.test', 'TXT', 'noerror | SOA:lab.test'],
    ['wild.lab.test', 'A', 'noerror | SOA:lab.test'],
    ['host.wild.lab.test', 'A', 'noerror | SOA:lab.test'],
    ['x.host.wild.lab.test', 'A', 'nxdomain | SOA:lab.test'],
    ['deep.wild.lab.test', 'A', 'noerror | SOA:lab.test'],
    ['x.deep.wild.lab.test', 'A', 'nxdomain | SOA:lab.test'],
    [
      'x.walias.lab.test',
      'A',
      'noerror | x.walias.lab.test. CNAME mail.lab.test. | mail.lab.test. A 127.0.0.25 | mail.lab.test. A 127.0.0.26',
    ],
    ['x.star.lab.test', 'A', 'noerror | SOA:lab.test'],
    // Delegation
    ['sub.lab.test', 'A', 'noerror | referral | NS:sub.lab.test | NS:sub.lab.test'],
    ['hidden.sub.lab.test', 'A', 'noerror | referral | NS:sub.lab.test | NS:sub.lab.test'],
    ['nobody.sub.lab.test', 'MX', 'noerror | referral | NS:sub.lab.test | NS:sub.lab.test'],
    ['sub.lab.test', 'NS', 'noerror | referral | NS:sub.lab.test | NS:sub.lab.test'],
    ['sub.lab.test', 'DS', 'noerror | sub.lab.test. DS 1 13 2 00'],
    ['x.child.lab.test', 'A', 'noerror | x.child.lab.test. A 127.0.0.57'],
    ['nobody.child.lab.test', 'A', 'nxdomain | SOA:child.lab.test'],
    ['child.lab.test', 'NS', 'noerror | child.lab.test. NS ns.child.lab.test.'],
    ['child.lab.test', 'DS', 'noerror | child.lab.test. DS 2 13 2 00'],
    ['lab.test', 'DS', 'noerror | SOA:lab.test'],
    // A label that contains a dot is one label.
    ['a\\.b.child.lab.test', 'A', 'noerror | a\\.b.child.lab.test. A 127.0.0.58'],
    ['a.b.child.lab.test', 'A', 'nxdomain | SOA:child.lab.test'],
    ['x\\.child.lab.test', 'A', 'nxdomain | SOA:lab.test'],
  ]
  it.each(cases)('%s %s', (asked, type, expected) => {
    expect(summary(asked, type)).toBe(expected)
  })

  it('the SOA of an absence lives for its minimum, or its own TTL where that is less (RFC 2308 §5)', () => {
    expect(lookup('nobody.lab.test', 'A')).toMatchObject({ authorities: [{ type: 'SOA', ttl: 60 }] })
    const short = new AuthorityZones(zoneRecords('@ 5 SOA ns. host. 1 2 3 4 60'))
    expect(lookup('x', 'A', {}, short)).toMatchObject({ authorities: [{ ttl: 5 }] })
  })

  it('a referral carries the addresses that we know as glue', () => {
    expect(lookup('x.sub.lab.test', 'A')).toMatchObject({ additionals: [{ name: 'ns.sub.lab.test', type: 'A' }] })
  })

  it('ANY gives one record set, an alias unfollowed, nothing for an empty non-terminal', () => {
    expect(summary('lab.test', 'TYPE255')).toMatch(/^noerror \| lab\.test\. SOA [^|]*$/)
    expect(summary('alias.lab.test', 'TYPE255')).toBe('noerror | alias.lab.test. CNAME mail.lab.test.')
    expect(summary('c.lab.test', 'TYPE255')).toBe('noerror | SOA:lab.test')
    expect(summary('nobody.lab.test', 'TYPE255')).toBe('nxdomain | SOA:lab.test')
  })

  it('a chain is followed as far as it may be', () => {
    expect(summary('chain1.lab.test', 'A', { follow: (target) => target !== name('alias.lab.test') })).toBe(
      'noerror | chain1.lab.test. CNAME chain2.lab.test. | chain2.lab.test. CNAME alias.lab.test.',
    )
    const long = new AuthorityZones(zoneRecords('$GENERATE 0-99 c$ CNAME c${1}'))
    expect(lookup('c0', 'A', {}, long)).toMatchObject({ nxdomain: false, answers: { length: 17 } })
  })

  it('signatures come along where they are asked for', () => {
    const signed = new AuthorityZones(
      zoneRecords('x A 10.0.0.1\nx RRSIG A 13 1 60 1 0 1 . AAAA\nx RRSIG MX 13 1 60 1 0 1 . AAAA\n. RRSIG SOA 13 0 60 1 0 1 . AAAA'),
    )
    expect(lookup('x', 'A', {}, signed)).toMatchObject({ answers: [{ type: 'A' }] })
    expect(lookup('x', 'A', { withSignatures: true }, signed)).toMatchObject({ answers: [{ type: 'A' }, { typeCovered: 'A' }] })
    expect(lookup('x', 'TXT', { withSignatures: true }, signed)).toMatchObject({ authorities: [{ type: 'SOA' }, { typeCovered: 'SOA' }] })
    expect(lookup('x', 'RRSIG', { withSignatures: true }, signed)).toMatchObject({ answers: { length: 2 } })
  })
})

describe('changes', () => {
  const fresh = (): AuthorityZones => new AuthorityZones(zoneRecords('a.b A 10.0.0.1\na.b A 10.0.0.2\na.b TXT "t"\nc A 10.0.0.3'))

  it('zones are where the SOA records are; records under none are told apart', () => {
    expect(zones.apexes()).toEqual(['lab.test', 'child.lab.test'])
    expect(zones.unserved().map(formatRecord)).toEqual(['orphan.example. 3600 IN A 127.0.0.99'])
  })

  it('the same record twice is one, and data that differ in case are two', () => {
    const twice = new AuthorityZones(zoneRecords('x PTR a.b\nx 60 PTR a.b\nX PTR A.b\nx TXT "t" "u"\nx TXT "t u"'))
    twice.add(zoneRecords('x PTR a.b'))
    expect(summary('x', 'PTR', {}, twice)).toBe('noerror | x. PTR a.b. | x. PTR A.b.')
    expect(summary('x', 'TXT', {}, twice)).toBe('noerror | x. TXT "t" "u" | x. TXT "t u"')
  })

  it('removing the last record of a name removes the name and the empty names above it', () => {
    const changed = fresh()
    expect(changed.remove(zoneRecords('a.b A 10.0.0.1')[0] as ResourceRecord)).toBe(1)
    expect(summary('a.b', 'A', {}, changed)).toBe('noerror | a.b. A 10.0.0.2')
    expect(changed.remove({ name: name('A.B'), type: 'A' })).toBe(1)
    expect(summary('a.b', 'A', {}, changed)).toBe('noerror | SOA:.')
    expect(changed.remove({ name: name('a.b') })).toBe(1)
    expect(summary('a.b', 'A', {}, changed)).toBe('nxdomain | SOA:.')
    expect(summary('b', 'A', {}, changed)).toBe('nxdomain | SOA:.')
    expect(summary('c', 'A', {}, changed)).toBe('noerror | c. A 10.0.0.3')
    expect(changed.remove({ name: name('a.b') })).toBe(0)
  })

  it('a name stays while there are names below it', () => {
    const changed = new AuthorityZones(zoneRecords('b A 10.0.0.1\na.b A 10.0.0.2'))
    changed.remove({ name: name('b') })
    expect(summary('b', 'A', {}, changed)).toBe('noerror | SOA:.')
    expect(summary('a.b', 'A', {}, changed)).toBe('noerror | a.b. A 10.0.0.2')
  })

  it('set puts records in the place of those of their name and type, replace in the place of all', () => {
    const changed = fresh()
    changed.set(zoneRecords('a.b A 10.0.0.9').slice(0, 1))
    expect(summary('a.b', 'A', {}, changed)).toBe('noerror | a.b. A 10.0.0.9')
    expect(summary('a.b', 'TXT', {}, changed)).toBe('noerror | a.b. TXT "t"')
    changed.replace(zoneRecords('d A 10.0.0.1'))
    expect(summary('a.b', 'A', {}, changed)).toBe('nxdomain | SOA:.')
    expect([...changed.records()]).toHaveLength(2)
  })

  it('a record that cannot be sent is refused at once, and nothing of its batch is taken', () => {
    const changed = fresh()
    const bad: ResourceRecord = { type: 'MX', preference: 70_000, exchange: name('x'), name: name('x'), ttl: 1 }
    expect(() => {
      changed.replace([...zoneRecords('y A 10.0.0.1'), bad])
    }).toThrow('this record cannot be sent: x. 1 IN MX 70000 x.')
    expect(summary('a.b', 'TXT', {}, changed)).toBe('noerror | a.b. TXT "t"')
  })
})

describe('properties', () => {
  const label = fc.constantFrom('a', 'b', 'c', '*', 'A', 'x.y')
  const anyName: fc.Arbitrary<DomainName> = fc.array(label, { minLength: 0, maxLength: 4 }).map(nameFromLabels)

  it('a name exists exactly when it, or one below it, holds a record; removing every record leaves nothing', () => {
    fc.assert(
      fc.property(fc.array(anyName, { maxLength: 12 }), anyName, (owners, asked) => {
        const records = zoneRecords('a A 10.0.0.1')
          .slice(0, 1)
          .flatMap((record) => owners.map((owner) => ({ ...record, name: owner })))
        const [soa] = zoneRecords('a A 10.0.0.1').slice(-1)
        const some = new AuthorityZones([...records, ...(soa ? [soa] : [])])
        const exists = asked === '.' || owners.some((owner) => isWithin(owner, asked))
        const answer = some.lookup({ name: asked, type: 'TXT', withSignatures: false, follow: () => true })
        // A wildcard may stand in for a name that does not exist; it is then nodata.
        const encloser = labelsOf(canonicalName(asked)).map((_, index, labels) => nameFromLabels(labels.slice(index + 1)))
        const closest = encloser.find((above) => above === '.' || owners.some((owner) => isWithin(owner, above)))
        const wildcard = nameFromLabels(['*', ...labelsOf(closest ?? nameFromLabels([]))])
        const isCovered = owners.some((owner) => isWithin(owner, wildcard))
        expect(answer).toMatchObject({ kind: 'answer', nxdomain: !exists && !isCovered })
        for (const record of records) some.remove(record)
        expect([...some.records()]).toHaveLength(1)
      }),
      { numRuns: 1000 },
    )
  })
})
