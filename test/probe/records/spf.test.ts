import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { name } from '../../../src/core/domain-name.ts'
import { checkSpf, type SpfFacts, type SpfResult } from '../../../src/probe/spf.ts'
import { address } from '../../support/fake-resolver.ts'
import { startRecordDns, TROUBLES, txt, type RecordDns } from './record-dns.ts'

const IP = '198.51.100.7'
const IP6 = '2001:db8::7'

/** What the records of the table lead to. */
const SURROUNDINGS = `
mail.example.com A 198.51.100.7
mail.example.com AAAA 2001:db8::7
v4only.example.com A 198.51.100.7
near.example.com A 198.51.100.99
near.example.com AAAA 2001:db8::99
far.example.com A 203.0.113.9
far.example.com AAAA 2001:db8:ff::9
alias.example.com CNAME mail.example.com
dangling.example.com CNAME nowhere.example.com
loop1.example.com CNAME loop2.example.com
loop2.example.com CNAME loop1.example.com
mx1.example.com MX 20 far.example.com
mx1.example.com MX 10 mail.example.com
mxv4.example.com MX 10 v4only.example.com
mxv4.example.com MX 20 mail.example.com
nullmx.example.com MX 0 .
${Array.from({ length: 10 }, (_, index) => `mx10.example.com MX ${String(index)} ${index === 9 ? 'mail' : `far${String(index)}`}.example.com`).join('\n')}
${Array.from({ length: 11 }, (_, index) => `mx11.example.com MX ${String(index)} ${index === 0 ? 'mail' : `far${String(index)}`}.example.com`).join('\n')}
${Array.from({ length: 12 }, (_, index) => `many.example.com A 198.51.100.${String(index + 1)}`).join('\n')}
7.100.51.198.in-addr.arpa PTR mail.example.com
7.100.51.198.in-addr.arpa PTR elsewhere.example.org
elsewhere.example.org A 203.0.113.1
7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa PTR mail.example.com
${Array.from({ length: 11 }, (_, index) => `9.100.51.198.in-addr.arpa PTR p${String.fromCharCode(97 + index)}.example.com`).join('\n')}
pa.example.com A 198.51.100.9
pk.example.com A 198.51.100.9
${txt('pass.example.com', 'v=spf1 ip4:198.51.100.7 ip6:2001:db8::/32 -all')}
${txt('fail.example.com', 'v=spf1 -all')}
${txt('softfail.example.com', 'v=spf1 ~all')}
${txt('neutral.example.com', 'v=spf1')}
${txt('broken.example.com', 'v=spf1 ip4:1.2.3 -all')}
${txt('twice.example.com', 'v=spf1 -all')}
${txt('twice.example.com', 'v=spf1 +all')}
${txt('other.example.com', 'some verification')}
${txt('self.example.com', 'v=spf1 include:self.example.com -all')}
${txt('turn.example.com', 'v=spf1 redirect=turn.example.com')}
${txt('five.example.com', 'v=spf1 a:far.example.com a:far.example.com a:far.example.com a:far.example.com a:far.example.com')}
${txt('outer.example.com', 'v=spf1 include:inner.example.com -all')}
${txt('inner.example.com', 'v=spf1 include:pass.example.com -all')}
7.100.51.198.x.example.com A 127.0.0.2
198.51.100.7.ok.example.com A 127.0.0.2
7.100.51.198.in-addr.rev.example.com A 127.0.0.2
2.0.0.1.0.d.b.8.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.7.ip6.nib.example.com A 127.0.0.2
strong-bad.lp.example.com A 127.0.0.2
strong.lp-first.example.com A 127.0.0.2
bad.strong.lp-reversed.example.com A 127.0.0.2
bad.lp-last.example.com A 127.0.0.2
helo.client.example.net.h.example.com A 127.0.0.2
client.example.net.h3.example.com A 127.0.0.2
mail.example.com.p.example.com A 127.0.0.2
unknown.p.example.com A 127.0.0.2
per%cent\\032space%20url.example.com A 127.0.0.2
${txt('_spf.mail.example.com', 'v=spf1 ip4:198.51.100.7 -all')}
`

interface Case {
  readonly record: string
  readonly result: SpfResult
  readonly reason?: unknown
  readonly ip?: string
  readonly counts?: readonly [lookupTerms: number, voidLookups: number]
}

const matched = (term: string): unknown => ({ kind: 'matched', term })
const syntax = (problem: string, position: number): unknown => ({ kind: 'syntax', fault: { problem, position } })

const CASES: Readonly<Record<string, Case>> = {
  // §4.6.2, §2.6: results
  'nothing behind the version → neutral': { record: 'v=spf1', result: 'neutral', reason: { kind: 'noMatch' }, counts: [0, 0] },
  'spaces alone behind the version → neutral': { record: 'v=spf1   ', result: 'neutral' },
  'the version in other case counts': { record: 'V=sPf1 -ALL', result: 'fail', reason: matched('-ALL') },
  'a plus is the default': { record: 'v=spf1 all', result: 'pass', reason: matched('all') },
  '+all → pass': { record: 'v=spf1 +all', result: 'pass' },
  '-all → fail': { record: 'v=spf1 -all', result: 'fail', reason: matched('-all') },
  '~all → softfail': { record: 'v=spf1 ~all', result: 'softfail' },
  '?all → neutral, by a term': { record: 'v=spf1 ?all', result: 'neutral', reason: matched('?all') },
  'the first match decides': { record: 'v=spf1 ~ip4:198.51.100.0/24 -all', result: 'softfail', reason: matched('~ip4:198.51.100.0/24') },
  'what stands behind all is never reached': { record: 'v=spf1 -all ip4:198.51.100.7', result: 'fail' },
  'several spaces between terms': { record: 'v=spf1  ip4:198.51.100.7   -all ', result: 'pass' },
  // §4.6: faults
  'an unknown mechanism': { record: 'v=spf1 ip5:1.2.3.4 -all', result: 'permerror', reason: syntax('unknownMechanism', 8) },
  'a fault behind the match still spoils the record': {
    record: 'v=spf1 ip4:198.51.100.7 moo -all',
    result: 'permerror',
    reason: syntax('unknownMechanism', 25),
  },
  'all takes no argument': { record: 'v=spf1 -all:example.com', result: 'permerror', reason: syntax('unexpectedArgument', 12) },
  'all takes no prefix length': { record: 'v=spf1 all/8', result: 'permerror', reason: syntax('unexpectedArgument', 11) },
  'redirect is no mechanism': { record: 'v=spf1 redirect:pass.example.com', result: 'permerror', reason: syntax('unknownMechanism', 8) },
  'a modifier takes no qualifier': {
    record: 'v=spf1 -redirect=pass.example.com',
    result: 'permerror',
    reason: syntax('modifierWithQualifier', 8),
  },
  'an octet beyond ASCII': { record: 'v=spf1 a:mail.ex\u00e4mple.com -all', result: 'permerror', reason: syntax('badCharacter', 17) },
  'a tab is no separator': { record: 'v=spf1 ip4:198.51.100.7\t-all', result: 'permerror' },
  'two qualifiers': { record: 'v=spf1 +-all', result: 'permerror', reason: syntax('unknownMechanism', 8) },
  'a qualifier alone': { record: 'v=spf1 - all', result: 'permerror' },
  // §6: modifiers
  'an unknown modifier is ignored': { record: 'v=spf1 moo=cow ip4:198.51.100.7 -all', result: 'pass' },
  'an unknown modifier with bad macros is not': {
    record: 'v=spf1 moo=%{q} -all',
    result: 'permerror',
    reason: syntax('badMacroLetter', 12),
  },
  'an unknown modifier may be there twice': { record: 'v=spf1 moo=1 moo=2 -all', result: 'fail' },
  'a name with a slash is no modifier': { record: 'v=spf1 moo/cow=x -all', result: 'permerror' },
  'exp is ignored': { record: 'v=spf1 exp=why.example.com -all', result: 'fail', counts: [0, 0] },
  'exp without a domain': { record: 'v=spf1 exp= -all', result: 'permerror', reason: syntax('badDomain', 12) },
  'exp twice': { record: 'v=spf1 exp=a.example.com exp=b.example.com -all', result: 'permerror', reason: syntax('duplicateModifier', 26) },
  'redirect twice': {
    record: 'v=spf1 redirect=pass.example.com redirect=pass.example.com',
    result: 'permerror',
    reason: syntax('duplicateModifier', 34),
  },
  'redirect takes over': { record: 'v=spf1 redirect=pass.example.com', result: 'pass', counts: [1, 0] },
  'redirect anywhere comes last': { record: 'v=spf1 redirect=fail.example.com ip4:198.51.100.7', result: 'pass', counts: [0, 0] },
  'redirect is ignored beside all': { record: 'v=spf1 redirect=pass.example.com ~all', result: 'softfail', counts: [0, 0] },
  'redirect keeps softfail': { record: 'v=spf1 redirect=softfail.example.com', result: 'softfail' },
  'redirect to a faulty record': {
    record: 'v=spf1 redirect=broken.example.com',
    result: 'permerror',
    reason: { kind: 'syntax', domain: 'broken.example.com' },
  },
  'redirect to no record': {
    record: 'v=spf1 redirect=nowhere.example.com',
    result: 'permerror',
    reason: { kind: 'targetWithoutRecord', term: 'redirect=nowhere.example.com', target: 'nowhere.example.com' },
    counts: [1, 1],
  },
  'redirect to an unqualified name': { record: 'v=spf1 redirect=com', result: 'permerror', reason: syntax('badDomain', 17) },
  'redirect in a circle': {
    record: 'v=spf1 redirect=turn.example.com',
    result: 'permerror',
    reason: { kind: 'tooManyLookups' },
    counts: [11, 0],
  },
  // §5.2: include
  'include of pass matches': {
    record: 'v=spf1 include:pass.example.com -all',
    result: 'pass',
    reason: matched('include:pass.example.com'),
  },
  'include of fail does not match': { record: 'v=spf1 include:fail.example.com ~all', result: 'softfail' },
  'include of softfail does not match': { record: 'v=spf1 include:softfail.example.com -all', result: 'fail' },
  'include of neutral does not match': { record: 'v=spf1 include:neutral.example.com -all', result: 'fail' },
  'an include with a minus fails where the other passes': { record: 'v=spf1 -include:pass.example.com +all', result: 'fail' },
  'include of no record': {
    record: 'v=spf1 include:other.example.com -all',
    result: 'permerror',
    reason: { kind: 'targetWithoutRecord', term: 'include:other.example.com' },
    counts: [1, 0],
  },
  'include of no name': { record: 'v=spf1 include:nowhere.example.com -all', result: 'permerror', counts: [1, 1] },
  'include of two records': {
    record: 'v=spf1 include:twice.example.com -all',
    result: 'permerror',
    reason: { kind: 'multipleRecords', count: 2 },
  },
  'include of a faulty record': {
    record: 'v=spf1 include:broken.example.com -all',
    result: 'permerror',
    reason: { kind: 'syntax', domain: 'broken.example.com' },
  },
  'include without a domain': { record: 'v=spf1 include -all', result: 'permerror', reason: syntax('missingArgument', 15) },
  'include with a prefix length': {
    record: 'v=spf1 include:pass.example.com/24 -all',
    result: 'permerror',
    reason: syntax('badDomain', 16),
  },
  'include of itself': { record: 'v=spf1 include:self.example.com -all', result: 'permerror', reason: { kind: 'tooManyLookups' } },
  // §5.3: a
  'a of the domain itself': { record: 'v=spf1 a -all', result: 'fail', counts: [1, 1] },
  'a of a name': { record: 'v=spf1 a:mail.example.com -all', result: 'pass', counts: [1, 0] },
  'a over IPv6 asks AAAA': { record: 'v=spf1 a:mail.example.com -all', result: 'pass', ip: IP6 },
  'a with only the other family is void': { record: 'v=spf1 a:v4only.example.com -all', result: 'fail', ip: IP6, counts: [1, 1] },
  'a with a prefix length': { record: 'v=spf1 a:near.example.com/24 -all', result: 'pass' },
  'a with a prefix length that is too long': { record: 'v=spf1 a:near.example.com/26 -all', result: 'fail' },
  'a with both prefix lengths, over IPv4': { record: 'v=spf1 a:near.example.com/32//64 -all', result: 'fail' },
  'a with both prefix lengths, over IPv6': { record: 'v=spf1 a:near.example.com/32//64 -all', result: 'pass', ip: IP6 },
  'a with the IPv6 prefix length alone': { record: 'v=spf1 a:near.example.com//120 -all', result: 'fail', ip: '2001:db8::1:7' },
  'a/0 of any address is everybody': { record: 'v=spf1 a:far.example.com/0 -all', result: 'pass' },
  'a with /33': { record: 'v=spf1 a:mail.example.com/33 -all', result: 'permerror', reason: syntax('badPrefixLength', 26) },
  'a with //129': { record: 'v=spf1 a//129 -all', result: 'permerror', reason: syntax('badPrefixLength', 9) },
  'a with a leading zero in the prefix length': { record: 'v=spf1 a/024 -all', result: 'permerror' },
  'a with an empty prefix length': { record: 'v=spf1 a:mail.example.com/ -all', result: 'permerror', reason: syntax('badDomain', 10) },
  'a with an empty domain': { record: 'v=spf1 a: -all', result: 'permerror', reason: syntax('badDomain', 10) },
  'a of a single label': { record: 'v=spf1 a:localhost -all', result: 'permerror', reason: syntax('badDomain', 10) },
  'a with a port': { record: 'v=spf1 a:mail.example.com:25 -all', result: 'permerror' },
  'a of an address': { record: 'v=spf1 a:198.51.100.7 -all', result: 'permerror', reason: syntax('badDomain', 10) },
  'a of a name with a trailing dot': { record: 'v=spf1 a:mail.example.com. -all', result: 'pass' },
  'a follows a CNAME': { record: 'v=spf1 a:alias.example.com -all', result: 'pass' },
  'a of a CNAME to nothing is void': { record: 'v=spf1 a:dangling.example.com -all', result: 'fail', counts: [1, 1] },
  'a of CNAMEs in a circle cannot be told': {
    record: 'v=spf1 a:loop1.example.com -all',
    result: 'temperror',
    reason: { kind: 'trouble', question: 'A loop1.example.com', trouble: 'aliasLoop' },
  },
  'a of an empty label is not there': { record: 'v=spf1 a:mail..example.com -all', result: 'fail', counts: [1, 0] },
  'a of a label that is too long is not there': { record: `v=spf1 a:${'x'.repeat(64)}.example.com -all`, result: 'fail', counts: [1, 0] },
  'a with twelve addresses': { record: 'v=spf1 a:many.example.com -all', result: 'pass' },
  // §5.4: mx
  'mx of a name': { record: 'v=spf1 mx:mx1.example.com -all', result: 'pass', counts: [1, 0] },
  'mx over IPv6': { record: 'v=spf1 mx:mx1.example.com -all', result: 'pass', ip: IP6 },
  'mx with a prefix length': { record: 'v=spf1 mx:mx1.example.com/16 -all', result: 'pass', ip: '198.51.2.3' },
  'mx without MX records is void, and no implicit MX': { record: 'v=spf1 mx:mail.example.com -all', result: 'fail', counts: [1, 1] },
  'a null MX is no host': { record: 'v=spf1 mx:nullmx.example.com -all', result: 'fail', counts: [1, 0] },
  'mx counts as one void term': { record: 'v=spf1 mx:mxv4.example.com -all', result: 'pass', ip: IP6, counts: [1, 1] },
  'ten MX records': { record: 'v=spf1 mx:mx10.example.com -all', result: 'pass' },
  'eleven MX records': {
    record: 'v=spf1 mx:mx11.example.com -all',
    result: 'permerror',
    reason: { kind: 'tooManyMx', domain: 'mx11.example.com', count: 11 },
  },
  // §5.5: ptr
  'ptr below the given domain': { record: 'v=spf1 ptr:example.com -all', result: 'pass', counts: [1, 0] },
  'ptr of a whole name': { record: 'v=spf1 ptr:mail.example.com -all', result: 'pass' },
  'ptr over IPv6': { record: 'v=spf1 ptr:example.com -all', result: 'pass', ip: IP6 },
  'ptr of a name that does not resolve back': { record: 'v=spf1 ptr:example.org -all', result: 'fail' },
  'ptr by whole labels': { record: 'v=spf1 ptr:l.example.com -all', result: 'fail' },
  'ptr without a reverse name is void': { record: 'v=spf1 ptr:example.com -all', result: 'fail', ip: '198.51.100.200', counts: [1, 1] },
  'ptr looks at ten names': { record: 'v=spf1 ptr:pk.example.com -all', result: 'fail', ip: '198.51.100.9' },
  'ptr finds the one among the first ten': { record: 'v=spf1 ptr:pa.example.com -all', result: 'pass', ip: '198.51.100.9' },
  'ptr with a prefix length': { record: 'v=spf1 ptr/24 -all', result: 'permerror', reason: syntax('unexpectedArgument', 11) },
  // §5.6: ip4, ip6
  'ip4 of the address': { record: 'v=spf1 ip4:198.51.100.7 -all', result: 'pass', counts: [0, 0] },
  'ip4 with bits behind the prefix': { record: 'v=spf1 ip4:198.51.100.99/24 -all', result: 'pass' },
  'ip4 of the mapped form': { record: 'v=spf1 ip4:198.51.100.7 -all', result: 'pass', ip: '::ffff:198.51.100.7' },
  'ip4 next to it': { record: 'v=spf1 ip4:198.51.100.8/32 -all', result: 'fail' },
  'ip4 with /0': { record: 'v=spf1 ip4:0.0.0.0/0 -all', result: 'pass' },
  'ip4 with three numbers': { record: 'v=spf1 ip4:198.51.100 -all', result: 'permerror', reason: syntax('badAddress', 12) },
  'ip4 with a leading zero': { record: 'v=spf1 ip4:198.051.100.7 -all', result: 'permerror', reason: syntax('badAddress', 12) },
  'ip4 with /33 ': { record: 'v=spf1 ip4:198.51.100.7/33 -all', result: 'permerror', reason: syntax('badPrefixLength', 24) },
  'ip4 with /032': { record: 'v=spf1 ip4:198.51.100.7/032 -all', result: 'permerror' },
  'ip4 of an IPv6 address': { record: 'v=spf1 ip4:2001:db8::7 -all', result: 'permerror', reason: syntax('badAddress', 12) },
  'ip4 without an argument': { record: 'v=spf1 ip4 -all', result: 'permerror', reason: syntax('missingArgument', 11) },
  'ip4 with an equals sign is an unknown modifier': { record: 'v=spf1 ip4=198.51.100.7 -all', result: 'fail' },
  'ip6 of the network': { record: 'v=spf1 ip6:2001:db8::/32 -all', result: 'pass', ip: IP6 },
  'ip6 never means an IPv4 client': { record: 'v=spf1 ip6:::/0 -all', result: 'fail' },
  'ip6 with /129': { record: 'v=spf1 ip6:2001:db8::/129 -all', result: 'permerror', reason: syntax('badPrefixLength', 22) },
  'ip6 of an IPv4 address': { record: 'v=spf1 ip6:198.51.100.7 -all', result: 'permerror', reason: syntax('badAddress', 12) },
  // §5.7: exists
  'exists of a name with an A record': { record: 'v=spf1 exists:mail.example.com -all', result: 'pass' },
  'exists asks A for an IPv6 client as well': { record: 'v=spf1 exists:v4only.example.com -all', result: 'pass', ip: IP6 },
  'exists of a name without one is void': { record: 'v=spf1 exists:mx1.example.com -all', result: 'fail', counts: [1, 1] },
  'exists without a domain': { record: 'v=spf1 exists -all', result: 'permerror', reason: syntax('missingArgument', 14) },
  // §4.6.4: limits
  'ten lookups are allowed': { record: `v=spf1 ${'a:far.example.com '.repeat(10)}ip4:198.51.100.7 -all`, result: 'pass', counts: [10, 0] },
  'the eleventh is not': {
    record: `v=spf1 ${'a:far.example.com '.repeat(11)}ip4:198.51.100.7 -all`,
    result: 'permerror',
    reason: { kind: 'tooManyLookups' },
    counts: [11, 0],
  },
  'a match before the eleventh passes': { record: `v=spf1 ip4:198.51.100.7 ${'a '.repeat(20)}-all`, result: 'pass', counts: [0, 0] },
  'the terms of included records count, and the include': {
    record: 'v=spf1 include:five.example.com a:far.example.com a:far.example.com a:far.example.com a:far.example.com ip4:198.51.100.7 -all',
    result: 'pass',
    counts: [10, 0],
  },
  'one more than that': {
    record: 'v=spf1 include:five.example.com include:five.example.com ip4:198.51.100.7 -all',
    result: 'permerror',
    reason: { kind: 'tooManyLookups' },
    counts: [11, 0],
  },
  'two void lookups are allowed': {
    record: 'v=spf1 a:no1.example.com mx:no2.example.com ip4:198.51.100.7 -all',
    result: 'pass',
    counts: [2, 2],
  },
  'the third is not': {
    record: 'v=spf1 a:no1.example.com mx:no2.example.com exists:no3.example.com ip4:198.51.100.7 -all',
    result: 'permerror',
    reason: { kind: 'tooManyVoidLookups' },
    counts: [3, 3],
  },
  // §7: macros
  '%{i}': { record: 'v=spf1 exists:%{i}.ok.example.com -all', result: 'pass' },
  '%{ir}': { record: 'v=spf1 exists:%{ir}.x.example.com -all', result: 'pass' },
  '%{ir} and %{v}': { record: 'v=spf1 exists:%{ir}.%{v}.rev.example.com -all', result: 'pass' },
  '%{i} and %{v} of IPv6': { record: 'v=spf1 exists:%{i}.%{v}.nib.example.com -all', result: 'pass', ip: IP6 },
  '%{l}': { record: 'v=spf1 exists:%{l}.lp.example.com -all', result: 'pass' },
  '%{l-} splits and joins with dots': { record: 'v=spf1 exists:%{lr-}.lp-reversed.example.com -all', result: 'pass' },
  '%{l1-} keeps the right part': { record: 'v=spf1 exists:%{l1-}.lp-last.example.com -all', result: 'pass' },
  '%{l1r-} reverses first': { record: 'v=spf1 exists:%{l1r-}.lp-first.example.com -all', result: 'pass' },
  '%{l9r-} keeps what there is': { record: 'v=spf1 exists:%{l9r-}.lp-reversed.example.com -all', result: 'pass' },
  '%{s} has an at sign': { record: 'v=spf1 exists:%{s}.nowhere.example.com -all', result: 'fail', counts: [1, 1] },
  '%{d2}': { record: 'v=spf1 a:mail.%{d2} -all', result: 'pass' },
  '%{o2}': { record: 'v=spf1 a:mail.%{o2} -all', result: 'pass' },
  '%{h}': { record: 'v=spf1 exists:%{h}.h.example.com -all', result: 'pass' },
  '%{h3}': { record: 'v=spf1 exists:%{h3}.h3.example.com -all', result: 'pass' },
  '%{p}': { record: 'v=spf1 exists:%{p}.p.example.com -all', result: 'pass', counts: [1, 0] },
  '%{p} without a validated name is unknown': {
    record: 'v=spf1 exists:%{p}.p.example.com -all',
    result: 'pass',
    ip: '198.51.100.200',
    counts: [1, 1],
  },
  'a macro in an include': { record: 'v=spf1 include:_spf.%{p} -all', result: 'pass' },
  'a macro at the end is domain enough': { record: 'v=spf1 redirect=%{d2}', result: 'permerror', reason: { kind: 'targetWithoutRecord' } },
  '%%, %_ and %-': { record: 'v=spf1 exists:per%%cent%_space%-url.example.com -all', result: 'pass' },
  'a lone percent sign': { record: 'v=spf1 exists:foo%.example.com -all', result: 'permerror', reason: syntax('badMacro', 18) },
  'parentheses instead of braces': { record: 'v=spf1 exists:%(ir).example.com -all', result: 'permerror', reason: syntax('badMacro', 15) },
  'an open brace': { record: 'v=spf1 exists:%{ir.example.com -all', result: 'permerror', reason: syntax('badMacro', 15) },
  'letters for explanations only': {
    record: 'v=spf1 exists:%{t}.example.com -all',
    result: 'permerror',
    reason: syntax('badMacroLetter', 15),
  },
  'a digit of zero': { record: 'v=spf1 exists:%{i0}.example.com -all', result: 'permerror', reason: syntax('badTransformer', 15) },
  'a name of more than 253 characters loses labels on its left': {
    record: `v=spf1 a:${'%{d}.'.repeat(30)}mail.example.com -all`,
    result: 'fail',
    counts: [1, 1],
  },
}

const DOMAINS = Object.keys(CASES).map((_, index) => `case${String(index)}.example.com`)
let served: RecordDns

beforeAll(async () => {
  const records = Object.values(CASES).map(({ record }, index) => txt(DOMAINS[index] ?? '', octets(record)))
  served = await startRecordDns([SURROUNDINGS, ...records].join('\n'))
})

afterAll(async () => {
  await served[Symbol.asyncDispose]()
})

/** Zone files hold ASCII: other octets as \DDD would be escaped by `txt`, so the one case with such an octet is served below. */
function octets(record: string): string {
  return record.replace(/\u00e4/g, '?').replace(/\t/g, '?')
}

async function check(domain: string, ip = IP, dns = served): Promise<SpfFacts> {
  const subject = { address: address(ip), domain: name(domain), claimedName: 'helo.client.example.net', localPart: 'strong-bad' }
  return checkSpf(subject, { resolver: dns.resolver })
}

describe('checkSpf', () => {
  it.each(Object.entries(CASES))('%s', async (what, { record, result, reason, ip, counts }) => {
    const domain = DOMAINS[Object.keys(CASES).indexOf(what)] ?? ''
    if (octets(record) !== record) {
      served.dns.zone.set([{ type: 'TXT', name: name(domain), ttl: 60, strings: [record] }])
    }
    const facts = await check(domain, ip)
    expect(facts).toMatchObject({ result, record, ...(reason === undefined ? {} : { reason }) })
    if (counts) expect([facts.lookupTerms, facts.voidLookups]).toEqual(counts)
    expect(JSON.parse(JSON.stringify(facts))).toEqual(facts)
  })

  it.each([
    ['no such domain', 'nowhere.example.com', 'none', { kind: 'noRecord', nxdomain: true }],
    ['a domain without TXT', 'mail.example.com', 'none', { kind: 'noRecord', nxdomain: false }],
    ['only other TXT records', 'other.example.com', 'none', { kind: 'noRecord', nxdomain: false }],
    ['a single label', 'localhost', 'none', { kind: 'notADomain' }],
    ['two records', 'twice.example.com', 'permerror', { kind: 'multipleRecords', domain: 'twice.example.com', count: 2 }],
  ])('%s → %s', async (_what, domain, result, reason) => {
    expect(await check(domain)).toMatchObject({ result, reason, record: null, lookupTerms: 0, voidLookups: 0 })
  })

  it('a version that goes on is none, and strings are joined without a space', async () => {
    const zone = 'a.example.com TXT "v=spf10 -all"\nb.example.com TXT "v=spf1" "-all"\nc.example.com TXT "v=sp" "f1 ip4:198." "51.100.7"'
    await using dns = await startRecordDns(zone)
    expect(await check('a.example.com', IP, dns)).toMatchObject({ result: 'none' })
    expect(await check('b.example.com', IP, dns)).toMatchObject({ result: 'none' })
    expect(await check('c.example.com', IP, dns)).toMatchObject({ result: 'pass' })
  })

  it('tells the way through includes and redirects to the record that decided', async () => {
    expect(await check('outer.example.com')).toMatchObject({
      result: 'pass',
      reason: { kind: 'matched', term: 'include:inner.example.com', domain: 'outer.example.com' },
      path: ['outer.example.com'],
      lookupTerms: 2,
    })
    expect(await check('turn.example.com')).toMatchObject({ path: Array.from({ length: 11 }, () => 'turn.example.com') })
  })

  it('asks no more than it needs, and PTR once for all terms', async () => {
    const zone = `${SURROUNDINGS}\n${txt('d.example.com', 'v=spf1 ptr:example.org exists:%{p}.p.example.com -all')}`
    await using dns = await startRecordDns(zone)
    await check('d.example.com', IP, dns)
    expect(dns.asked()).toEqual([
      'TXT d.example.com',
      'PTR 7.100.51.198.in-addr.arpa',
      'A mail.example.com',
      'A elsewhere.example.org',
      'A mail.example.com.p.example.com',
    ])
  })
})

const TROUBLED: readonly (readonly [what: string, record: string, question: string])[] = [
  ['its own record', 'v=spf1 -all', 'TXT d.example.com'],
  ['an included record', 'v=spf1 include:pass.example.com -all', 'TXT pass.example.com'],
  ['the target of a redirect', 'v=spf1 redirect=pass.example.com', 'TXT pass.example.com'],
  ['the address of an a term', 'v=spf1 a:far.example.com -all', 'A far.example.com'],
  ['an MX record', 'v=spf1 mx:mx1.example.com -all', 'MX mx1.example.com'],
  ['the address of an MX host', 'v=spf1 mx:mx1.example.com -all', 'A mail.example.com'],
  ['the name of an exists term', 'v=spf1 exists:mail.example.com -all', 'A mail.example.com'],
]

describe.each(TROUBLES)('%s', (_trouble, effect, trouble) => {
  it.each(TROUBLED)('for %s → temperror, never fail', async (_what, record, question) => {
    const [type, domain] = question.split(' ') as ['A', string]
    await using dns = await startRecordDns(`${SURROUNDINGS}\n${txt('d.example.com', record)}`, [{ name: domain, type, effect }])
    expect(await check('d.example.com', IP, dns)).toMatchObject({
      result: 'temperror',
      reason: { kind: 'trouble', question, trouble },
      voidLookups: 0,
    })
  })

  it('for the reverse name → ptr does not match, and the check goes on (§5.5)', async () => {
    const zone = `${SURROUNDINGS}\n${txt('d.example.com', 'v=spf1 ptr:example.com -all')}`
    await using dns = await startRecordDns(zone, [{ name: '7.100.51.198.in-addr.arpa', effect }])
    expect(await check('d.example.com', IP, dns)).toMatchObject({ result: 'fail', lookupTerms: 1, voidLookups: 0 })
  })
})

describe('bounds', () => {
  it('the deadline ends it as temperror', async () => {
    await using dns = await startRecordDns(txt('d.example.com', 'v=spf1 -all'), [
      { name: 'd.example.com', effect: { kind: 'delay', ms: 100 } },
    ])
    let expire: () => void = () => undefined
    const facts = checkSpf(
      { address: address(IP), domain: name('d.example.com'), claimedName: 'x' },
      {
        resolver: dns.resolver,
        startTimer: (_ms, callback) => {
          expire = callback
          return () => undefined
        },
      },
    )
    expire()
    expect(await facts).toMatchObject({ result: 'temperror', reason: { kind: 'trouble', trouble: 'deadline' } })
  })

  it('an abort before and during it is told as such', async () => {
    const subject = { address: address(IP), domain: name('fail.example.com'), claimedName: 'x' }
    expect(await checkSpf(subject, { resolver: served.resolver, signal: AbortSignal.abort() })).toMatchObject({
      result: 'temperror',
      reason: { kind: 'trouble', trouble: 'aborted' },
    })
  })
})
