/**
 * Builders for the facts that remedies start from, with only what a test varies as arguments.
 */
import { parseAddress, reverseName, unmapAddress, type IpAddress } from '../../src/core/address.ts'
import { name, parentName } from '../../src/core/domain-name.ts'
import type { HeloFacts, HeloResolution } from '../../src/identity/facts.ts'
import { parseHelo } from '../../src/identity/helo-form.ts'
import type { IprevFacts, IprevReason, IprevResult, PtrName, PtrNameOutcome } from '../../src/iprev/facts.ts'
import type { ReverseZoneFacts } from '../../src/remedy/reverse-zone.ts'

export const ip = (text: string): IpAddress => {
  const address = parseAddress(text)
  if (!address) throw new TypeError(`no address: ${text}`)
  return address
}

export function iprevFacts(
  address: string,
  names: readonly (readonly [string, PtrNameOutcome])[],
  changes: Partial<IprevFacts> = {},
): IprevFacts {
  const { result, reason } = judge(names.map(([, outcome]) => outcome))
  return {
    kind: 'iprev',
    address: unmapAddress(ip(address)),
    reverseName: reverseName(unmapAddress(ip(address))),
    result,
    reason,
    aliases: [],
    ptrTtl: 3600,
    names: names.map(([text, outcome]) => ptrName(address, text, outcome)),
    ptrNameCount: names.length,
    truncated: false,
    authenticated: false,
    queries: 1 + names.length,
    ...changes,
  }
}

function ptrName(address: string, text: string, outcome: PtrNameOutcome): PtrName {
  const addresses = outcome === 'confirmed' ? [ip(address)] : outcome === 'elsewhere' ? [ip('192.0.2.99')] : []
  return { name: name(text), outcome, addresses, aliases: [], ttl: 300, authenticated: false }
}

function judge(outcomes: readonly PtrNameOutcome[]): { result: IprevResult; reason: IprevReason } {
  if (outcomes.length === 0) return { result: 'permerror', reason: 'noReverseName' }
  if (outcomes.includes('confirmed')) return { result: 'pass', reason: 'confirmed' }
  if (outcomes.includes('timeout')) return { result: 'temperror', reason: 'forwardTimeout' }
  if (outcomes.includes('elsewhere')) return { result: 'fail', reason: 'elsewhere' }
  if (outcomes.includes('nxdomain')) return { result: 'fail', reason: 'nameNotFound' }
  if (outcomes.includes('nodata')) return { result: 'fail', reason: 'nameWithoutAddress' }
  return { result: 'fail', reason: 'noUsableName' }
}

export function heloFacts(claimedName: string, resolution: HeloResolution | readonly string[]): HeloFacts {
  const resolved: HeloResolution =
    'kind' in resolution ? resolution : { kind: 'addresses', addresses: resolution.map(ip), aliases: [], ttl: 300 }
  const form = parseHelo(claimedName)
  return { kind: 'helo', claimedName, form, resolution: form.kind === 'name' && form.name.includes('.') ? resolved : { kind: 'notAsked' } }
}

export function reverseZoneFacts(address: string, nameservers: readonly string[]): ReverseZoneFacts {
  const reverse = reverseName(unmapAddress(ip(address)))
  const zone = parentName(reverse) ?? reverse
  return {
    kind: 'reverseZone',
    reverseName: reverse,
    reverse: {
      kind: 'zone',
      zone: {
        name: zone,
        primary: name('ns1.isp.example'),
        mailbox: name('hostmaster.isp.example'),
        nameservers: nameservers.map((text) => name(text)),
      },
    },
    delegated: null,
    queries: 5,
  }
}
