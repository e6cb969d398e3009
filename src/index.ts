/** The public library. What is not exported here may change at any time. */
export { formatAddress, parseAddress, reverseName, type IpAddress } from './core/address.ts'
export { canonicalName, parseName, type DomainName } from './core/domain-name.ts'
export type { RecordType, ResourceRecord } from './core/dns-record.ts'
export type { DnsServer } from './dns/client.ts'
export { createResolver, type ResolverHandle, type ResolverSettings } from './dns/create-resolver.ts'
export type { Alias, DnsFailure, DnsOutcome, Question, ResolveOptions, Resolver } from './dns/resolver.ts'
export { judgeClient, judgeFacts, type ClientFacts, type ClientJudgement, type JudgeSettings } from './engine/judge.ts'
export {
  CATALOGUE,
  type CatalogueEntry,
  type Finding,
  type FindingArguments,
  type FindingCode,
  type FindingLevel,
} from './findings/catalogue.ts'
export type { HeloFacts } from './identity/facts.ts'
export { ptrgate, verdictOf, type JudgedSession, type PtrgateOptions } from './gateway/smtp-server.ts'
export { assessPtrName } from './identity/ptr-quality.ts'
export { confirmedName, type IprevFacts, type IprevReason, type IprevResult, type IprevSettings, type PtrName } from './iprev/facts.ts'
export { lookupIprev, type IprevOptions } from './iprev/lookup.ts'
export { rfc7372 } from './personas/rfc7372.ts'
export { compilePolicy, type CompiledPolicy } from './policy/compile.ts'
export { decide, type DecisionSubject } from './policy/decide.ts'
export type { Decision, DecisionAction, DecisionStage, SmtpReply } from './policy/decision.ts'
export { policySettings, type PolicyInput, type PolicySettings } from './policy/settings.ts'
export { iprevAuthResults } from './render/auth-results.ts'
export { findingMessage } from './render/finding-text.ts'
export { formatReply } from './render/smtp-reply.ts'
export { formatAuthResults, isHeaderOf, parseAuthResults, readAuthResults, type AuthResults } from './wire/auth-results.ts'
