/**
 * One client at one front end, from its connection to its last message: looks it up once, judges it again when it says HELO,
 * and answers each stage with the policy's decision. The front ends only translate what it says.
 */
import type { IpAddress } from '../core/address.ts'
import type { HealthBreaker } from '../dns/health.ts'
import { describeHealthReason } from '../dns/health.ts'
import { finding, type Finding } from '../findings/catalogue.ts'
import type { HeloFacts } from '../identity/facts.ts'
import { heloOfConfirmed, lookupHelo } from '../identity/helo-lookup.ts'
import { DEFAULT_IPREV_SETTINGS, type IprevFacts } from '../iprev/facts.ts'
import { lookupIprev } from '../iprev/lookup.ts'
import type { CompiledPolicy } from '../policy/compile.ts'
import { decide, skipBeforeLookup, strongerDecision } from '../policy/decide.ts'
import type { Decision, DecisionStage, SmtpReply } from '../policy/decision.ts'
import { iprevAuthResults, type IprevProperty } from '../render/auth-results.ts'
import { judgeFacts, type ClientJudgement, type JudgeSettings } from './judge.ts'

export interface GateSettings extends JudgeSettings {
  readonly policy: CompiledPolicy
  /** Our name in Authentication-Results. */
  readonly authservId: string
  readonly iprevProperty?: IprevProperty | undefined
  readonly health?: HealthBreaker | undefined
  /** A fault of ours, or of the resolver given to us: the client gets what the policy says for it. */
  readonly onInternalError?: ((error: unknown) => void) | undefined
}

export interface GateVerdict {
  readonly decision: Decision
  /** To be given now; null to go on, also where a refusal is due only at a later stage. */
  readonly reply: SmtpReply | null
  /** Null where nothing was looked up: the client is skipped, or we failed. */
  readonly judgement: ClientJudgement | null
  /** The value of an Authentication-Results header; null where nothing was looked up. */
  readonly header: string | null
}

export interface GateSession {
  readonly address: IpAddress
  /** Every HELO counts: a later one never softens what an earlier one earned. */
  helo(claimedName: string): void
  /** The session has logged in: nothing is held against it any more. */
  authenticate(): void
  /** Never rejects. */
  verdict(stage: DecisionStage, recipient?: string | null): Promise<GateVerdict>
  /** Calls the lookups off. */
  close(): void
}

/** Begins the lookup at once, so that it overlaps whatever the front end still waits for. */
export function openGateSession(address: IpAddress, settings: GateSettings): GateSession {
  return new Session(address, settings)
}

/** Nobody reads it. Without one, a DOMException with its stack would be made for every client that leaves. */
const CLOSED = 'closed'
/** A client that says more HELOs than this gains nothing by it: the worst of the first ones stands. */
const MAX_HELOS = 8

class Session implements GateSession {
  readonly address: IpAddress
  readonly #settings: GateSettings
  readonly #controller = new AbortController()
  readonly #helos: { readonly claimedName: string; facts: Promise<HeloFacts> | null }[] = []
  #iprev: Promise<IprevFacts> | null = null
  /** Once they are there. */
  #iprevFacts: IprevFacts | null = null
  #judged: Judged | null = null
  /** Lookups that somebody still waits for. */
  #pending = 0
  #isAuthenticated = false

  constructor(address: IpAddress, settings: GateSettings) {
    this.address = address
    this.#settings = settings
    if (this.#skipRule() === undefined) this.#lookUp()
  }

  helo(claimedName: string): void {
    if (this.#helos.some((said) => said.claimedName === claimedName) || this.#helos.length >= MAX_HELOS) return
    const facts = this.#iprev === null ? null : this.#lookUpHelo(claimedName)
    this.#helos.push({ claimedName, facts })
  }

  authenticate(): void {
    this.#isAuthenticated = true
  }

  async verdict(stage: DecisionStage, recipient: string | null = null): Promise<GateVerdict> {
    try {
      if (this.#skipRule() !== undefined || this.#iprev === null) {
        const decision = this.#decide(null, recipient, false)
        return { decision, reply: null, judgement: null, header: null }
      }
      const judged = this.#judged?.heloCount === this.#helos.length ? this.#judged : await this.#judge(this.#iprev)
      return this.#verdictOf(judged, stage, recipient)
    } catch (error) {
      this.#settings.onInternalError?.(error)
      const decision = this.#decide(null, recipient, true)
      return { decision, reply: spokenAt(stage, decision), judgement: null, header: null }
    }
  }

  close(): void {
    if (this.#pending > 0) this.#controller.abort(CLOSED)
  }

  /** The same at every stage and for every recipient, until there is another HELO. */
  async #judge(pending: Promise<IprevFacts>): Promise<Judged> {
    const heloCount = this.#helos.length
    const iprev = await pending
    const judgements: ClientJudgement[] = []
    for (const { facts } of this.#helos.slice(0, heloCount)) judgements.push(judgeFacts({ iprev, helo: await facts }, this.#settings))
    if (heloCount === 0) judgements.push(judgeFacts({ iprev, helo: null }, this.#settings))
    this.#judged = { heloCount, judgements, header: null }
    return this.#judged
  }

  #verdictOf(judged: Judged, stage: DecisionStage, recipient: string | null): GateVerdict {
    const illness = this.#illness()
    const judgements = illness === null ? judged.judgements : judged.judgements.map((judgement) => withFinding(judgement, illness))
    const decision = judgements.map((judgement) => this.#decide(judgement, recipient, false)).reduce(strongerDecision)
    // What the client last called itself is what later layers see, and what the header speaks of.
    const judgement = judgements.at(-1) ?? null
    return { decision, reply: spokenAt(stage, decision), judgement, header: judgement && this.#header(judgement, judged, illness !== null) }
  }

  #decide(judgement: ClientJudgement | null, recipient: string | null, internalError: boolean): Decision {
    return decide(
      {
        address: this.address,
        iprev: judgement?.iprev ?? null,
        findings: judgement?.findings ?? [],
        authenticated: this.#isAuthenticated,
        recipient,
        resolverIll: this.#illness() !== null,
        internalError,
      },
      this.#settings.policy,
    )
  }

  #illness(): Finding | null {
    const status = this.#settings.health?.state()
    return status !== undefined && status.state !== 'closed'
      ? finding('RESOLVER_ILL', { reason: status.reason ? describeHealthReason(status.reason) : 'unknown' })
      : null
  }

  #header({ iprev, confirmedName }: ClientJudgement, judged: Judged, isIll: boolean): string {
    const { authservId, iprevProperty: property } = this.#settings
    if (!isIll && judged.header !== null) return judged.header
    // While our own resolver is ill, what it said of this client proves nothing.
    const seen: IprevFacts = isIll ? { ...iprev, result: 'temperror', reason: 'reverseServfail', names: [] } : iprev
    const header = iprevAuthResults({ authservId, iprev: seen, confirmedName, ...(property ? { property } : {}) })
    if (!isIll) judged.header = header
    return header
  }

  #skipRule(): string | undefined {
    return skipBeforeLookup(this.address, this.#isAuthenticated, this.#settings.policy)
  }

  #lookUp(): void {
    const { resolver, iprev } = this.#settings
    this.#iprev = this.#awaited(lookupIprev(this.address, { resolver, settings: iprev, signal: this.#controller.signal }))
    void this.#iprev.then((facts) => {
      this.#iprevFacts = facts
    }, ignore)
  }

  #lookUpHelo(claimedName: string): Promise<HeloFacts> {
    const known = this.#iprevFacts && heloOfConfirmed(claimedName, this.#iprevFacts)
    if (known) return Promise.resolve(known)
    const { resolver, iprev } = this.#settings
    const deadlineMs = iprev?.deadlineMs ?? DEFAULT_IPREV_SETTINGS.deadlineMs
    return this.#awaited(lookupHelo(claimedName, this.address, { resolver, signal: this.#controller.signal, deadlineMs }))
  }

  #awaited<Facts>(lookup: Promise<Facts>): Promise<Facts> {
    this.#pending++
    // What it throws is seen when a verdict is asked for; a client that leaves before that must not bring the process down.
    lookup.then(this.#arrived, this.#arrived)
    return lookup
  }

  readonly #arrived = (): void => {
    this.#pending--
  }
}

/** Seen where a verdict is asked for. */
function ignore(): void {
  return undefined
}

interface Judged {
  readonly heloCount: number
  /** One for each HELO, or one without. */
  readonly judgements: readonly ClientJudgement[]
  /** Of the last of them, once somebody has asked for it. */
  header: string | null
}

function withFinding(judgement: ClientJudgement, finding: Finding): ClientJudgement {
  return { ...judgement, findings: [...judgement.findings, finding] }
}

const STAGES: readonly DecisionStage[] = ['connect', 'helo', 'mail', 'rcpt']

function spokenAt(stage: DecisionStage, { reply, stage: due }: Decision): SmtpReply | null {
  return STAGES.indexOf(stage) >= STAGES.indexOf(due) ? reply : null
}
