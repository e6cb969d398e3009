// What a client costs once its facts are there, in a process of its own that runs the built program: findings, decision, and
// every rendering of them (Authentication-Results field, SMTP reply, JSON line, text report with the fix), averaged over a mix
// of clients. Prints the µs a client of each round as JSON.
import { reverseName } from '../dist/core/address.js'
import { judgeFacts } from '../dist/engine/judge.js'
import { parseHelo } from '../dist/identity/helo-form.js'
import { rfc7372 } from '../dist/personas/rfc7372.js'
import { compilePolicy } from '../dist/policy/compile.js'
import { decide } from '../dist/policy/decide.js'
import { policySettings } from '../dist/policy/settings.js'
import { whatNotToDo } from '../dist/remedy/cautions.js'
import { remedySteps } from '../dist/remedy/steps.js'
import { iprevAuthResults } from '../dist/render/auth-results.js'
import { checkJson } from '../dist/render/report-json.js'
import { renderCheckText } from '../dist/render/report-text.js'
import { scoreOf, verdictOf } from '../dist/render/report-types.js'
import { formatReply } from '../dist/render/smtp-reply.js'

const CLIENTS = 20_000
const ROUNDS = 12
/** The first rounds are the compiler's. */
const WARM_UP = 3

/** Of eight clients five are in order, one has no PTR, one points elsewhere, and one could not be told. */
const KINDS = ['pass', 'pass', 'none', 'pass', 'elsewhere', 'pass', 'unknown', 'pass']
const FACTS = {
  pass: ['pass', 'confirmed', 'confirmed'],
  none: ['permerror', 'noReverseName', 'nxdomain'],
  elsewhere: ['fail', 'elsewhere', 'elsewhere'],
  unknown: ['temperror', 'reverseServfail', 'servfail'],
}

const policy = compilePolicy(policySettings('balanced'), rfc7372.replyFor)
const clients = Array.from({ length: CLIENTS }, (_, index) => exampleClient(index))
const costs = []
let octets = 0
for (let round = 0; round < ROUNDS; round++) {
  const start = performance.now()
  for (const client of clients) octets += serve(client)
  costs.push(Number((((performance.now() - start) * 1000) / CLIENTS).toFixed(2)))
}
process.stdout.write(JSON.stringify({ costs: costs.slice(WARM_UP), octetsPerClient: Math.round(octets / CLIENTS / ROUNDS) }))

function serve({ iprev, helo, target, mending }) {
  const judgement = judgeFacts({ iprev, helo }, {})
  const { address } = iprev
  const { findings, confirmedName } = judgement
  const subject = { address, iprev, findings, authenticated: false, recipient: null, resolverIll: false, internalError: false }
  const decision = decide(subject, policy)
  const authenticationResults = iprevAuthResults({ authservId: 'mx.example.org', iprev, confirmedName })
  const addresses = [{ address, ...judgement, decision, authenticationResults, ...mending }]
  const report = {
    kind: 'check',
    target,
    targetKind: 'address',
    via: [],
    verdict: verdictOf({ addresses, findings: [] }, 'error'),
    addresses,
    score: scoreOf(addresses),
    findings: [],
  }
  const reply = decision.reply ? formatReply(decision.reply) : ''
  const text = renderCheckText(report, { color: false, columns: 80, verbose: false })
  return made(authenticationResults) + made(reply) + made(checkJson(report)) + made(text)
}

/** Reading a character puts a string together that was only strung together; else its writer would have to. */
function made(text) {
  return text.charCodeAt(text.length >> 1) > 0 ? text.length : 0
}

/** One in three speaks IPv6; one in five calls itself something else. What would mend it is known beforehand: only its rendering counts. */
function exampleClient(index) {
  const tail = [(index >> 8) & 255, index & 255]
  const v6 = { family: 6, bytes: [0x20, 1, 0x0d, 0xb8, 0, 0x51, 0, 0, 0, 0, 0, 0, 0, 0, ...tail] }
  const address = index % 3 === 0 ? v6 : { family: 4, bytes: [198, 51, ...tail] }
  const ptrName = `mail-${index}.example.com`
  const kind = KINDS[index % KINDS.length]
  const [result, reason, outcome] = FACTS[kind]
  const hasName = kind === 'pass' || kind === 'elsewhere'
  const seen = kind === 'elsewhere' ? { family: 4, bytes: [203, 0, 113, 9] } : address
  const iprev = {
    kind: 'iprev',
    address,
    reverseName: reverseName(address),
    result,
    reason,
    aliases: [],
    ptrTtl: 300,
    names: hasName ? [{ name: ptrName, outcome, addresses: [seen], aliases: [], ttl: 300, authenticated: false }] : [],
    ptrNameCount: hasName ? 1 : 0,
    truncated: false,
    authenticated: false,
    queries: 2,
  }
  const claimedName = index % 5 === 0 ? `out-${index}.example.com` : ptrName
  const resolution = { kind: 'addresses', addresses: [address], aliases: [], ttl: 300 }
  const helo = { kind: 'helo', claimedName, form: parseHelo(claimedName), resolution }
  const { findings } = judgeFacts({ iprev, helo }, {})
  const remedy = remedySteps({ address, findings, iprev, helo, reverseZone: null, provider: null })
  const mending = { remedy, cautions: whatNotToDo(remedy), providerMessage: null, reverseZone: null }
  return { iprev, helo, target: address.bytes.join('.'), mending }
}
