/**
 * Names that no public DNS will ever resolve: reserved by RFC 6761, 6762, 7686, 8375, 9476, by ICANN (.internal, and .corp,
 * .home and .mail that it will not delegate), or in common use inside networks. One list for PTR names and HELO.
 * `example.com` and its siblings are not on it (they do resolve), nor is the reverse tree itself.
 */
import { canonicalName, labelsOf, type DomainName } from '../core/domain-name.ts'

/** The reserved suffix that the name ends in, lower case. A single label is judged as such elsewhere, and has none. */
export function reservedSuffix(name: DomainName): string | undefined {
  const [parent, last] = lastLabels(name)
  if (parent === undefined || last === undefined) return undefined
  if (last !== 'arpa') return RESERVED_TOP_LEVEL.has(last) ? last : undefined
  const suffix = `${parent}.arpa`
  return RESERVED_ARPA.has(suffix) ? suffix : undefined
}

/** Lower case. Nearly every name is without escapes, and need not be split. */
function lastLabels(name: DomainName): readonly [string | undefined, string | undefined] {
  const text = canonicalName(name)
  if (text.includes('\\')) {
    const labels = labelsOf(text)
    return [labels.at(-2), labels.at(-1)]
  }
  const dot = text.lastIndexOf('.')
  return dot <= 0 ? [undefined, text] : [text.slice(text.lastIndexOf('.', dot - 1) + 1, dot), text.slice(dot + 1)]
}

const RESERVED_TOP_LEVEL: ReadonlySet<string> = new Set([
  // RFC 6761, RFC 6762, RFC 7686, RFC 9476
  'test',
  'localhost',
  'invalid',
  'example',
  'local',
  'onion',
  'alt',
  // RFC 6762 appendix G, and ICANN's decisions of 2018 and 2024
  'internal',
  'intranet',
  'private',
  'corp',
  'home',
  'lan',
  'mail',
  // Defaults of resolvers, routers and domain controllers, none of them delegated
  'localdomain',
  'domain',
  'workgroup',
  'intra',
  'intern',
  'loc',
  'localnet',
  'lokal',
  'priv',
  'dhcp',
  'router',
  'gateway',
  'modem',
  'belkin',
  'ctc',
  'homestation',
])

/** RFC 8375, RFC 9665. */
const RESERVED_ARPA: ReadonlySet<string> = new Set(['home.arpa', 'service.arpa'])
