import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatAddress } from '../../../src/core/address.ts'
import { formatNetwork } from '../../../src/core/network.ts'
import { formatConfigProblem, readConfig } from '../../../src/app/config/read-config.ts'
import { readPackageFile } from '../../../src/app/package-root.ts'
import { configOf, problemLines } from './lines.ts'

describe('what is read', () => {
  it('takes the documented example', () => {
    const config = configOf(`
name: mx.example.org
dns: { servers: ['127.0.0.1:5300'], timeoutMs: 2000 }
listeners:
  - { kind: milter, address: '127.0.0.1:8893' }
  - { kind: policy, address: 'unix:/run/ptrgate/policy.sock' }
  - { kind: smtp, address: '127.0.0.1:2525', nextHop: '127.0.0.1:10025' }
  - { kind: http, address: '127.0.0.1:8895' }
policy: { preset: balanced, stage: rcpt, dryRun: false, onInternalError: accept, networks: [], names: [] }
cache: { entries: 100000 }
workers: 1
`)
    expect(config.name).toBe('mx.example.org')
    expect(config.dns.servers).toEqual([{ address: { family: 4, bytes: [127, 0, 0, 1] }, port: 5300 }])
    expect(config.listeners.map(({ kind, address }) => [kind, address])).toEqual([
      ['milter', { kind: 'tcp', host: '127.0.0.1', port: 8893 }],
      ['policy', { kind: 'unix', path: '/run/ptrgate/policy.sock' }],
      ['smtp', { kind: 'tcp', host: '127.0.0.1', port: 2525 }],
      ['http', { kind: 'tcp', host: '127.0.0.1', port: 8895 }],
    ])
    expect(config.policy.onInternalError).toBe('accept')
  })

  it('gives every value in the form that the runtime uses', () => {
    const config = configOf(`
addresses: [198.51.100.25, '::ffff:198.51.100.26', 2001:db8:51::25]
dns: { servers: ['[2001:db8:51::53]:5300', 198.51.100.53], trusted: true }
health: { canaries: [{ address: 198.51.100.80, ptrName: mail.example.com }] }
listeners:
  - { kind: milter, address: 'unix:/run/ptrgate/milter.sock', mode: '0660', group: postfix }
  - { kind: policy, address: 'unix:/run/ptrgate/policy.sock', mode: '600', group: 110, deferAs: deferIfPermit }
  - kind: smtp
    address: '[::1]:2525'
    nextHop: unix:/run/mta.sock
    nextHopTls: { mode: required, name: mail.example.org, authority: ca.pem }
    nextHopProxy: true
    tls: { key: tls/key.pem, certificate: /etc/ssl/mx.pem }
    maxMessageOctets: 50000000
    xclientPeers: [198.51.100.2]
  - { kind: http, hosts: [Monitor.example.org] }
policy: { trustedNetworks: 10.0.0.0/8 }
workers: auto
`)
    expect(config.addresses.map(formatAddress)).toEqual(['198.51.100.25', '198.51.100.26', '2001:db8:51::25'])
    expect(config.dns.servers?.map(({ address, port }) => [formatAddress(address), port])).toEqual([
      ['2001:db8:51::53', 5300],
      ['198.51.100.53', 53],
    ])
    expect(config.iprev.trustAuthenticated).toBe(true)
    expect(config.health.canaries).toEqual([{ address: { family: 4, bytes: [198, 51, 100, 80] }, ptrName: 'mail.example.com' }])
    const [milter, policy, smtp, http] = config.listeners
    expect(milter?.address).toEqual({ kind: 'unix', path: '/run/ptrgate/milter.sock', mode: 0o660, group: 'postfix' })
    expect(policy).toEqual({
      kind: 'policy',
      address: { kind: 'unix', path: '/run/ptrgate/policy.sock', mode: 0o600, group: 110 },
      maxConnections: 10_000,
      deferAs: 'deferIfPermit',
    })
    expect(smtp).toEqual({
      kind: 'smtp',
      address: { kind: 'tcp', host: '::1', port: 2525 },
      maxConnections: 4096,
      nextHop: { kind: 'unix', path: '/run/mta.sock' },
      nextHopTls: { mode: 'required', name: 'mail.example.org', authority: '/etc/ptrgate/ca.pem' },
      nextHopProxy: true,
      tls: { key: '/etc/ptrgate/tls/key.pem', certificate: '/etc/ssl/mx.pem' },
      maxMessageOctets: 50_000_000,
      xclientPeers: [{ family: 4, bytes: [198, 51, 100, 2] }],
      proxyPeers: [],
    })
    expect(http).toMatchObject({ kind: 'http', hosts: ['Monitor.example.org'] })
    expect(config.policy.trustedNetworks.map(formatNetwork)).toEqual(['10.0.0.0/8'])
    expect(config.workers).toBe('auto')
  })

  it('sets what is left out to its default', () => {
    const config = configOf('name: mx.example.org')
    expect(config.listeners.map(({ kind, address }) => [kind, address])).toEqual([
      ['milter', { kind: 'tcp', host: '127.0.0.1', port: 8893 }],
      ['policy', { kind: 'tcp', host: '127.0.0.1', port: 8894 }],
      ['http', { kind: 'tcp', host: '127.0.0.1', port: 8895 }],
    ])
    expect(config).toMatchObject({
      addresses: [],
      dns: { trusted: false },
      iprev: { deadlineMs: 5000, maxPtrNames: 10, maxQueries: 40, trustAuthenticated: false },
      health: { windowMs: 30_000, openShare: 0.6, closeShare: 0.3, canaries: [], canaryIntervalMs: 30_000 },
      policy: { preset: 'balanced', stage: 'rcpt', networks: [], names: [] },
      cache: { entries: 100_000 },
      workers: 1,
      log: { level: 'info' },
      drainMs: 30_000,
    })
    expect(config.dns.servers).toBeUndefined()
    expect(config.dns.timeoutMs).toBeUndefined()
  })

  it('takes anchors, aliases and merge keys, a BOM, CRLF, and a document mark', () => {
    const config = configOf(
      '\uFEFF---\r\nlisteners:\r\n  - &base { kind: milter, maxConnections: 7 }\r\n  - { <<: *base, address: 127.0.0.1:9000 }\r\nname: mx.example.org\r\n',
    )
    expect(config.listeners).toMatchObject([
      { kind: 'milter', maxConnections: 7, address: { port: 8893 } },
      { kind: 'milter', maxConnections: 7, address: { port: 9000 } },
    ])
  })

  it('knows no words of YAML 1.1, whatever the file says of itself', () => {
    expect(problemLines('%YAML 1.1\n---\npolicy: { dryRun: yes }\n')).toEqual([
      'ptrgate.yaml:3:19: policy.dryRun: expected true or false, not the text "yes"; write true',
    ])
  })
})

/** Each config, and what is printed for it: all problems, in the order of the file. */
const BAD_CONFIGS: readonly (readonly [name: string, text: string, lines: readonly string[]])[] = [
  [
    'mistyped keys',
    `name: mx.example.org
dns:
  timeout: 2000
  atempts: 2
  time_out_ms: 5
listeners:
  - kind: milter
    adress: 127.0.0.1:8893
  - { kind: smtp, nexthop: '127.0.0.1:25' }
wrokers: 2
colour: blue
`,
    [
      'ptrgate.yaml:3:3: dns.timeout: unknown key; did you mean timeoutMs?',
      'ptrgate.yaml:4:3: dns.atempts: unknown key; did you mean attempts?',
      'ptrgate.yaml:5:3: dns.time_out_ms: unknown key; did you mean timeoutMs?',
      'ptrgate.yaml:8:5: listeners[0].adress: unknown key; did you mean address?',
      'ptrgate.yaml:9:5: listeners[1].nextHop: is missing, and has no default',
      'ptrgate.yaml:9:19: listeners[1].nexthop: unknown key; did you mean nextHop?',
      'ptrgate.yaml:10:1: wrokers: unknown key; did you mean workers?',
      'ptrgate.yaml:11:1: colour: unknown key; known here: name, addresses, dns, iprev, health, listeners, policy, cache, workers, log, drainMs',
    ],
  ],
  [
    'keys in the wrong place',
    `preset: strict
entries: 5
servers: [127.0.0.1]
dns:
  deadlineMs: 1
policy:
  cidr: 198.51.100.0/24
  workers: 2
listeners:
  - { kind: http, deferAs: reply }
  - { kind: milter, nextHop: 127.0.0.1:25 }
`,
    [
      'ptrgate.yaml:1:1: preset: unknown key here; did you mean policy.preset?',
      'ptrgate.yaml:2:1: entries: unknown key here; did you mean cache.entries?',
      'ptrgate.yaml:3:1: servers: unknown key here; did you mean dns.servers?',
      'ptrgate.yaml:5:3: dns.deadlineMs: unknown key here; did you mean iprev.deadlineMs?',
      'ptrgate.yaml:7:3: policy.cidr: unknown key here; did you mean policy.networks[].cidr?',
      'ptrgate.yaml:8:3: policy.workers: unknown key here; did you mean workers at the top?',
      'ptrgate.yaml:10:19: listeners[0].deferAs: a listener of kind http has no such key; those of kind policy have',
      'ptrgate.yaml:11:21: listeners[1].nextHop: a listener of kind milter has no such key; those of kind smtp have',
    ],
  ],
  [
    'values of another kind',
    `name: 5
dns:
  timeoutMs: 2s
  attempts: '2'
  rotate: on
  servers: 127.0.0.1
iprev: { deadlineMs: 0.5, maxPtrNames: 1000 }
health: { openShare: 60%, windowMs: 10 }
policy: strict
cache:
  entries: 1_000_000
workers: many
log: { level: warning }
drainMs: -1
`,
    [
      'ptrgate.yaml:1:7: name: expected a host name, such as mx.example.org, not 5',
      'ptrgate.yaml:3:14: dns.timeoutMs: expected a number, not the text "2s"; write 2000, in milliseconds',
      'ptrgate.yaml:4:13: dns.attempts: expected a number, not the text "2"; write 2',
      'ptrgate.yaml:5:11: dns.rotate: expected true or false, not the text "on"; write true',
      'ptrgate.yaml:6:12: dns.servers: expected a list, not the text "127.0.0.1"; write [one, two], or each on a line of its own behind a hyphen and a space',
      'ptrgate.yaml:7:22: iprev.deadlineMs: expected a whole number, not 0.5',
      'ptrgate.yaml:7:40: iprev.maxPtrNames: expected 100 or less, not 1000',
      'ptrgate.yaml:8:22: health.openShare: expected a number, not the text "60%"; write 0.6',
      'ptrgate.yaml:8:37: health.windowMs: expected 1000 or more, not 10',
      'ptrgate.yaml:9:9: policy: expected keys with values, not the text "strict"',
      'ptrgate.yaml:11:12: cache.entries: expected a number, not the text "1_000_000"; write 1000000',
      'ptrgate.yaml:12:10: workers: expected auto or a whole number from 1 to 256, not the text "many"',
      'ptrgate.yaml:13:15: log.level: expected fatal, error, warn, info, debug, trace or silent, not the text "warning"; did you mean warn?',
      'ptrgate.yaml:14:10: drainMs: expected 0 or more, not -1',
    ],
  ],
  [
    'nothing where something should be',
    `name:
dns:
listeners:
  -
  - { kind: }
  - {}
log: { level: }
cache: { entries: }
`,
    [
      'ptrgate.yaml:1:1: name: nothing stands behind this key; write a text, or leave the key out',
      'ptrgate.yaml:2:1: dns: nothing stands behind this key; write keys with values, or leave the key out',
      'ptrgate.yaml:4:4: listeners[0]: nothing stands here; write keys with values',
      'ptrgate.yaml:5:7: listeners[1].kind: nothing stands behind this key; write milter, policy, smtp or http',
      'ptrgate.yaml:6:5: listeners[2].kind: is missing; it is milter, policy, smtp or http',
      'ptrgate.yaml:7:8: log.level: nothing stands behind this key; write fatal, error, warn, info, debug, trace or silent',
      'ptrgate.yaml:8:10: cache.entries: nothing stands behind this key; write a number, or leave the key out',
    ],
  ],
  [
    'listeners that are no listeners',
    `listeners:
  - milter
  - { kind: miltre, address: 127.0.0.1:1 }
  - { kind: lmtp }
  - { address: 127.0.0.1:1 }
  - [kind, http]
`,
    [
      'ptrgate.yaml:2:5: listeners[0]: expected keys with values, not the text "milter"',
      'ptrgate.yaml:3:13: listeners[1].kind: expected milter, policy, smtp or http, not the text "miltre"; did you mean milter?',
      'ptrgate.yaml:4:13: listeners[2].kind: expected milter, policy, smtp or http, not the text "lmtp"; did you mean smtp?',
      'ptrgate.yaml:5:5: listeners[3].kind: is missing; it is milter, policy, smtp or http',
      'ptrgate.yaml:6:5: listeners[4]: expected keys with values, not a list',
    ],
  ],
  ['no listeners', 'listeners: []\n', ['ptrgate.yaml:1:12: listeners: without a listener there is nothing to serve']],
  [
    'one listener that is no list',
    'listeners: { kind: milter }\n',
    [
      'ptrgate.yaml:1:12: listeners: expected a list, not keys with values; write [one, two], or each on a line of its own behind a hyphen and a space',
    ],
  ],
  [
    'addresses that are none',
    `addresses: [198.51.100.256, 198.51.100.0/24, mail.example.com]
dns: { servers: [localhost, '127.0.0.1:0', '[::1]:53:53', [::1]] }
health:
  canaries:
    - { address: mail.example.com, ptrName: 198.51.100.1 }
    - { address: 198.51.100.1, ptrName: 'mail example' }
`,
    [
      'ptrgate.yaml:1:13: addresses[0]: expected an IP address, not "198.51.100.256"',
      'ptrgate.yaml:1:29: addresses[1]: expected an IP address, not "198.51.100.0/24"; a network cannot stand here',
      'ptrgate.yaml:1:46: addresses[2]: expected an IP address, not "mail.example.com"',
      'ptrgate.yaml:2:18: dns.servers[0]: expected an IP address with an optional port, such as 127.0.0.1:5300, not "localhost"; a name cannot be looked up before there is a resolver',
      'ptrgate.yaml:2:29: dns.servers[1]: expected an IP address with an optional port, such as 127.0.0.1:5300, not "127.0.0.1:0"',
      'ptrgate.yaml:2:44: dns.servers[2]: expected an IP address with an optional port, such as 127.0.0.1:5300, not "[::1]:53:53"',
      'ptrgate.yaml:2:59: dns.servers[3]: expected an IP address with an optional port, such as 127.0.0.1:5300, not a list; what has brackets is written in quotes',
      'ptrgate.yaml:5:18: health.canaries[0].address: expected an IP address, not "mail.example.com"',
      'ptrgate.yaml:5:45: health.canaries[0].ptrName: expected a host name, such as mx.example.org, not "198.51.100.1"; an address is no name',
      'ptrgate.yaml:6:41: health.canaries[1].ptrName: expected a host name, such as mx.example.org, not "mail example"',
    ],
  ],
  [
    'places to listen that are none',
    `listeners:
  - { kind: milter, address: 8893 }
  - { kind: milter, address: '8893' }
  - { kind: milter, address: '127.0.0.1' }
  - { kind: milter, address: '127.0.0.1:88930' }
  - { kind: milter, address: '::1:8893' }
  - { kind: milter, address: '*:8893' }
  - { kind: milter, address: '127.0.0.300:8893' }
  - { kind: milter, address: 'unix:run/milter.sock' }
  - { kind: milter, address: '/run/milter.sock' }
  - { kind: milter, address: 'unix:/${'a'.repeat(107)}' }
  - { kind: smtp, nextHop: '127.0.0.1:0' }
`,
    [
      'ptrgate.yaml:2:30: listeners[0].address: expected host:port or unix:/path, not 8893',
      'ptrgate.yaml:3:30: listeners[1].address: expected host:port or unix:/path, not "8893"; write 127.0.0.1:8893',
      'ptrgate.yaml:4:30: listeners[2].address: expected host:port or unix:/path, not "127.0.0.1"; the port is missing',
      'ptrgate.yaml:5:30: listeners[3].address: expected host:port or unix:/path, not "127.0.0.1:88930"; a port is 0 to 65535',
      `ptrgate.yaml:6:30: listeners[4].address: expected host:port or unix:/path, not "::1:8893"; an IPv6 address has brackets: '[::1]:8893'`,
      `ptrgate.yaml:7:30: listeners[5].address: expected host:port or unix:/path, not "*:8893"; every address is '0.0.0.0:8893' or '[::]:8893'`,
      'ptrgate.yaml:8:30: listeners[6].address: expected host:port or unix:/path, not "127.0.0.300:8893"; "127.0.0.300" is neither an IP address nor a host name',
      'ptrgate.yaml:9:30: listeners[7].address: expected host:port or unix:/path, not "unix:run/milter.sock"; the path begins with a slash',
      'ptrgate.yaml:10:30: listeners[8].address: expected host:port or unix:/path, not "/run/milter.sock"; write unix:/run/milter.sock',
      `ptrgate.yaml:11:30: listeners[9].address: expected host:port or unix:/path, not "unix:/${'a'.repeat(54)}…"; a path has at most 107 octets`.replace(
        '…',
        '\\u{2026}',
      ),
      'ptrgate.yaml:12:28: listeners[10].nextHop: expected host:port or unix:/path, not "127.0.0.1:0"; a port is 1 to 65535',
    ],
  ],
  [
    'sockets that are told too much',
    `listeners:
  - { kind: milter, mode: '0660', group: postfix }
  - { kind: policy, address: 'unix:/run/p.sock', mode: 0660 }
  - { kind: policy, address: 'unix:/run/q.sock', mode: '0999', group: '' }
`,
    [
      'ptrgate.yaml:2:27: listeners[0].mode: only a unix socket has a mode',
      'ptrgate.yaml:2:42: listeners[0].group: only a unix socket has a group',
      "ptrgate.yaml:3:56: listeners[1].mode: expected a mode in quotes, such as '0660': without them YAML reads a decimal number",
      "ptrgate.yaml:4:56: listeners[2].mode: expected a mode of three octal digits, such as '0660'",
      'ptrgate.yaml:4:71: listeners[2].group: the text is empty',
    ],
  ],
  [
    'networks, each at its own line',
    `policy:
  trustedNetworks:
    - 10.0.0.0/8
    - 300.1.1.1/8
    - 10.0.0.1/8
  networks:
    - cidr: 198.51.100.7/24
    - { cidr: [198.51.100.0/24, 2001:db8::/200], skip: true }
    - { skip: true }
  names:
    - suffix: [example.com, .example.net]
`,
    [
      'ptrgate.yaml:4:7: policy.trustedNetworks[1]: 300.1.1.1/8: 300.1.1.1 is no IP address',
      'ptrgate.yaml:5:7: policy.trustedNetworks[2]: 10.0.0.1/8: bits are set behind the prefix; write 10.0.0.0/8 for the network or 10.0.0.1 for the one address',
      'ptrgate.yaml:7:13: policy.networks[0].cidr: 198.51.100.7/24: bits are set behind the prefix; write 198.51.100.0/24 for the network or 198.51.100.7 for the one address',
      'ptrgate.yaml:8:33: policy.networks[1].cidr[1]: 2001:db8::/200: the prefix length of an IPv6 network is 0 to 128',
      'ptrgate.yaml:9:7: policy.networks[2].cidr: expected a network such as 198.51.100.0/24, or a list of them',
      'ptrgate.yaml:11:29: policy.names[0].suffix[1]: .example.net: write example.net, without the leading dot',
    ],
  ],
  [
    'entries of lists that are no texts',
    `policy:
  trustedNetworks: [10.0.0.0/8, 5, [10.1.0.0/16]]
  networks:
    - cidr:
        - 198.51.100.0/24
        -
    - { cidr: true }
  names:
    - { name: [mail.example.com, { a: b }] }
`,
    [
      'ptrgate.yaml:2:33: policy.trustedNetworks[1]: expected a text, not 5; write it in quotes',
      'ptrgate.yaml:2:36: policy.trustedNetworks[2]: expected a text, not a list',
      'ptrgate.yaml:6:10: policy.networks[0].cidr[1]: nothing stands here; write a text',
      'ptrgate.yaml:7:15: policy.networks[1].cidr: expected a network such as 198.51.100.0/24, or a list of them',
      'ptrgate.yaml:9:34: policy.names[0].name[1]: expected a text, not keys with values',
    ],
  ],
  [
    'the same mistake twice',
    `policy:
  trustedNetworks: [10.0.0.0/99, 10.0.0.0/99]
`,
    [
      'ptrgate.yaml:2:21: policy.trustedNetworks[0]: 10.0.0.0/99: the prefix length of an IPv4 network is 0 to 32',
      'ptrgate.yaml:2:34: policy.trustedNetworks[1]: 10.0.0.0/99: the prefix length of an IPv4 network is 0 to 32',
    ],
  ],
  [
    'a network that another entry has',
    `policy:
  networks: [{ cidr: 198.51.100.0/24 }, { cidr: [192.0.2.0/24, 198.51.100.0/24] }]
`,
    ['ptrgate.yaml:2:64: policy.networks[1].cidr[1]: 198.51.100.0/24 is already in networks[0]'],
  ],
  [
    'rules of the policy',
    `policy:
  preset: strikt
  rules:
    temperror: reject
    genericPTR: tag
    heloSyntax: drop
  percent: 50%
  networks:
    - { cidr: 198.51.100.0/24, stages: mail }
`,
    [
      'ptrgate.yaml:2:11: policy.preset: expected observe, balanced or strict, not the text "strikt"; did you mean strict?',
      'ptrgate.yaml:4:16: policy.rules.temperror: a temporary cause never gets a permanent answer: accept, tag or defer',
      'ptrgate.yaml:5:5: policy.rules.genericPTR: unknown key; did you mean genericPtr?',
      'ptrgate.yaml:6:17: policy.rules.heloSyntax: expected accept, tag, quarantine, defer or reject, not the text "drop"',
      'ptrgate.yaml:7:12: policy.percent: expected a number, not the text "50%"; write 50',
      'ptrgate.yaml:9:32: policy.networks[0].stages: unknown key; did you mean stage?',
    ],
  ],
  [
    'a policy that contradicts itself',
    'policy:\n  stage: helo\n  exemptPostmaster: true\n  preset: observe\n  rules: { fail: reject }\n',
    [
      'ptrgate.yaml:3:21: policy.exemptPostmaster: the recipient is known only at stage rcpt',
      'ptrgate.yaml:5:18: policy.rules.fail: the preset observe refuses nothing, so it cannot reject; choose the preset balanced here',
    ],
  ],
  [
    'settings that contradict one another, beside other mistakes',
    `iprev: { maxPtrNames: 50, deadlineMs: 1s }
health:
  openShare: 0.3
  closeShare: 0.5
  canaryMaxAgeMs: 30000
  openMs: 1
  windowMs: 30s
`,
    [
      'ptrgate.yaml:1:8: iprev.maxQueries: too few: it takes one question for the PTR and one for each of maxPtrNames',
      'ptrgate.yaml:1:39: iprev.deadlineMs: expected a number, not the text "1s"; write 1000, in milliseconds',
      'ptrgate.yaml:4:15: health.closeShare: it must not be above openShare: what made our resolver ill would make it well',
      'ptrgate.yaml:5:19: health.canaryMaxAgeMs: it must be above canaryIntervalMs: every report would be too old',
      'ptrgate.yaml:6:11: health.openMs: expected 100 or more, not 1',
      'ptrgate.yaml:7:13: health.windowMs: expected a number, not the text "30s"; write 30000, in milliseconds',
    ],
  ],
  [
    'a gateway that is told nonsense',
    `listeners:
  - kind: smtp
    nextHop: 127.0.0.1:10025
    nextHopTls: { mode: always, verify: true }
    tls: { key: '' }
    maxMessageOctets: 10MB
    xclientPeers: [198.51.100.0/24]
  - kind: smtp
    address: 127.0.0.1:2526
    nextHop: 127.0.0.1:10026
    nextHopTls: { verify: true }
`,
    [
      'ptrgate.yaml:4:25: listeners[0].nextHopTls.mode: expected opportunistic, required or never, not the text "always"',
      'ptrgate.yaml:5:10: listeners[0].tls.certificate: is missing, and has no default',
      'ptrgate.yaml:5:17: listeners[0].tls.key: expected the path of a file',
      'ptrgate.yaml:6:23: listeners[0].maxMessageOctets: expected a number, not the text "10MB"',
      'ptrgate.yaml:7:20: listeners[0].xclientPeers[0]: expected an IP address, not "198.51.100.0/24"; a network cannot stand here',
      'ptrgate.yaml:11:27: listeners[1].nextHopTls.verify: it protects nothing unless the mode is required: whoever stands between can hide STARTTLS',
    ],
  ],
  [
    'a key that stands twice, and what was merged',
    `dns: &dns
  timeoutMs: 1
  timeoutMs: 2
cache:
  <<: *dns
  entries: 5
name: a.example
name: b.example
`,
    [
      'ptrgate.yaml:2:3: cache.timeoutMs: unknown key here; did you mean dns.timeoutMs?',
      'ptrgate.yaml:3:3: dns.timeoutMs: this key already stands in line 2',
      'ptrgate.yaml:8:1: name: this key already stands in line 7',
    ],
  ],
  [
    'keys that would break the terminal',
    '"bad\\e[31m\\nkey": 1\n? { a: b }\n: 2\n',
    [
      'ptrgate.yaml:1:1: bad\\u{1b}[31m\\u{0a}key: unknown key; known here: name, addresses, dns, iprev, health, listeners, policy, cache, workers, log, drainMs',
      'ptrgate.yaml:2:3: a key is a plain word',
    ],
  ],
]

describe('what is refused, as it is printed', () => {
  it.each(BAD_CONFIGS)('%s', (_name, text, lines) => {
    expect(problemLines(text)).toEqual(lines)
  })
})

/** What is no config at all, or no YAML: one problem each. */
const BROKEN_FILES: readonly (readonly [name: string, text: string, line: string])[] = [
  ['an empty file', '', '1:1: nothing is set in this file; write at least a key such as name'],
  ['only comments', '# name: x\n\n# y\n', '1:1: nothing is set in this file; write at least a key such as name'],
  ['a list', '- kind: milter\n', '1:1: expected keys with values, such as name: mx.example.org, not a list'],
  ['a sentence', 'hello world\n', '1:1: expected keys with values, such as name: mx.example.org, not the text "hello world"'],
  ['a tab', 'dns:\n\ttimeoutMs: 1\n', '2:1: a tab stands here; YAML indents with spaces'],
  [
    'a key file',
    '-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n',
    '1:1: expected keys with values, such as name: mx.example.org, not the text "-----BEGIN PRIVATE KEY----- MIIE -----END PRIVATE KEY-----"',
  ],
  ['10 MB', 'name: a.example\n'.repeat(655_360), '1:1: this file is larger than 1 MiB, which no config is'],
  ['a program', '\x7fELF\x02\x01\x01\0\0', '1:1: this is no text: a control character stands here'],
  ['a picture', 'name: x\n\uFFFDPNG\r\n\x1a\n', '2:1: this is no UTF-8 text'],
  ['too little indentation', 'dns:\n  timeoutMs: 1\n attempts: 2\n', '3:2: this line is not indented as those above it'],
  ['too much indentation', 'dns:\n  timeoutMs: 1\n   attempts: 2\n', '3:4: this line is indented too far'],
  ['a colon in a value', 'name: mx: example\n', '1:7: a value that holds a colon and a space is written in quotes'],
  ['no colon', 'name: a.example\npolicy\ncache:\n', '2:1: a key ends with a colon and a space'],
  [
    'brackets without quotes',
    'listeners:\n  - { kind: http }\n  - kind: http\n    address: [::1]:8895\n',
    '4:19: the value was complete before this; if all of it is one text, write it in quotes',
  ],
  ['a reserved character', 'name: @x\n', '1:7: a value that begins with "@" is written in quotes'],
  [
    'a bracket that is not closed',
    'addresses: [198.51.100.1\n',
    '2:1: not YAML: flow sequence in block collection must be sufficiently indented and end with a ]',
  ],
  ['a quote that is not closed', "name: 'x\n", "2:1: not YAML: missing closing 'quote"],
  ['a tag', 'name: !env NAME\n', '1:7: a tag such as "!env" has no meaning here; write the plain value'],
  ['two documents', 'name: a.example\n---\nname: b.example\n', '2:1: a second document begins here (---); a config is one'],
  ['an alias of nothing', 'name: *mx\n', '1:7: name: no &mx stands before this alias'],
  [
    'no space behind the colon',
    'dns:\n  timeoutMs:2000\n',
    '2:3: dns: expected keys with values, not the text "timeoutMs:2000"; a space is missing behind the colon',
  ],
  ['endless brackets', '['.repeat(100_000), '1:33: this is nested more than 32 levels deep'],
]

describe('what is no config at all', () => {
  it.each(BROKEN_FILES)('%s', (_name, text, line) => {
    expect(problemLines(text)).toEqual([`ptrgate.yaml:${line}`])
  })
})

describe('any text', () => {
  const example = readPackageFile('config/ptrgate.yaml')
  const mutated = fc
    .array(
      fc.tuple(
        fc.nat(example.length),
        fc.nat(30),
        fc.oneof(fc.string({ maxLength: 8 }), fc.constantFrom('\n', ': ', '- ', '*a', '&a ', '[', '{', '<<: ', '"')),
      ),
      {
        minLength: 1,
        maxLength: 4,
      },
    )
    .map((edits) => edits.reduce((text, [at, length, insert]) => text.slice(0, at) + insert + text.slice(at + length), example))

  it('is either a config or has problems, each at a place in the text and on one line of plain characters', () => {
    fc.assert(
      fc.property(fc.oneof(mutated, fc.string({ unit: 'binary' }), fc.string()), (text) => {
        const read = readConfig(text, 'ptrgate.yaml')
        if (read.kind === 'config') return
        expect(read.problems.length).toBeGreaterThan(0)
        const lines = text.split(/\n/)
        for (const problem of read.problems) {
          expect(problem.line).toBeGreaterThanOrEqual(1)
          expect(problem.line).toBeLessThanOrEqual(lines.length)
          expect(problem.column).toBeGreaterThanOrEqual(1)
          expect(problem.column).toBeLessThanOrEqual((lines[problem.line - 1]?.length ?? 0) + 1)
          expect(formatConfigProblem('ptrgate.yaml', problem)).toMatch(/^[\x20-\x7e]+$/)
        }
      }),
      { numRuns: 300 },
    )
  })
})
