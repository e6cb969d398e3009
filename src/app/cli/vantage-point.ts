/**
 * Where we probe from: the name that we say in EHLO, and whether servers can confirm it. Only a public address of an interface of ours
 * can be held against it; behind a NAT it is not known.
 */
import { hostname, networkInterfaces } from 'node:os'
import { formatAddress, parseAddress, type IpAddress } from '../../core/address.ts'
import { isHostName, parseName } from '../../core/domain-name.ts'
import { specialRange } from '../../core/network.ts'
import type { Resolver } from '../../dns/resolver.ts'
import { lookupIprev } from '../../iprev/lookup.ts'
import { confirmedName } from '../../iprev/facts.ts'

export interface VantagePoint {
  readonly ehloName: string
  /** Null: it could not be told. */
  readonly isConfirmed: boolean | null
  /** For a person: `which …`. */
  readonly reason: string
}

const MAX_ADDRESSES = 4

export async function vantagePoint(given: string | undefined, resolver: Resolver, signal: AbortSignal): Promise<VantagePoint> {
  const own = publicAddresses()
  const lookups = await Promise.all(own.map((address) => lookupIprev(address, { resolver, signal })))
  const confirmed = lookups.filter(({ result }) => result === 'pass')
  const wanted = given === undefined ? undefined : parseName(given)
  const names = confirmed.map((facts) => confirmedName(facts, wanted))
  const [first] = names
  const ehloName = given ?? first ?? localName()
  if (own.length === 0)
    return {
      ehloName,
      isConfirmed: given === undefined ? false : null,
      reason: 'cannot be checked from here: no interface has a public address',
    }
  const isConfirmed = names.some((name) => name?.toLowerCase() === ehloName.toLowerCase())
  return { ehloName, isConfirmed, reason: `no public address of ours leads to and back (${own.map(formatAddress).join(', ')})` }
}

function publicAddresses(): readonly IpAddress[] {
  return Object.values(networkInterfaces())
    .flatMap((entries) => entries ?? [])
    .map(({ address }) => parseAddress(address))
    .filter((address) => address !== undefined)
    .filter((address) => specialRange(address) === undefined)
    .slice(0, MAX_ADDRESSES)
}

/** RFC 5321 §4.1.1.1: who has no name says an address literal; ours would be a private one, so it stays a name. */
function localName(): string {
  const name = parseName(hostname())
  return name !== undefined && isHostName(name) ? name : 'localhost'
}
