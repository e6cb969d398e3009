/**
 * The organisational domain of a name by the public suffix list (RFC 9091 §2, RFC 7489 §3.2): `mail.dept.example.co.uk` →
 * `example.co.uk`. Private suffixes count: two tenants of `duckdns.org` are two organisations, and who is aligned with a
 * name must control it. It throws for nothing; a name that is no plain host name has no organisation.
 */
import { getDomain } from 'tldts'
import { canonicalName, type DomainName } from '../core/domain-name.ts'

/** Undefined for a public suffix itself, a single label, the root, an address written as a name, and anything escaped. */
export function organisationalDomain(name: DomainName): string | undefined {
  if (!PLAIN_NAME.test(name) || ENDS_IN_NUMBER.test(name)) return undefined
  return getDomain(canonicalName(name), SUFFIX_LIST) ?? undefined
}

const SUFFIX_LIST = { allowPrivateDomains: true, extractHostname: false, validateHostname: false, detectIp: false } as const
/** Underscores stay: names in real zones carry them. */
const PLAIN_NAME = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)+$/i
/** `198.51.100.7` is four labels to the DNS, but nobody's domain. */
const ENDS_IN_NUMBER = /\.[0-9]+$/
