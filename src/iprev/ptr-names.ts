/**
 * The distinct PTR names of an answer in canonical order (RFC 4034 §6.1), so that every rotation and spelling of it is one.
 * It judges no name: whether one can confirm is for lookup.ts.
 */
import { canonicalName, labelsOf, type DomainName } from '../core/domain-name.ts'
import type { ResourceRecord } from '../dns/resolver.ts'

/** In canonical order, and in one spelling: neither rotation nor case may change which names are kept and which is chosen. */
export function distinctNames(records: readonly ResourceRecord[]): readonly DomainName[] {
  const [only] = records
  if (records.length === 1 && only?.type === 'PTR') return [canonicalName(only.target)]
  const names = new Set<DomainName>()
  for (const record of records) if (record.type === 'PTR') names.add(canonicalName(record.target))
  if (names.size < 2) return [...names]
  // There may be thousands: the labels of each are taken apart once, not at every comparison.
  return [...names]
    .map((name) => ({ name, key: orderKey(name) }))
    .sort((left, right) => (left.key < right.key ? -1 : 1))
    .map(({ name }) => name)
}

/** Compares as RFC 4034 §6.1 has it: labels from the right, octet by octet, and a missing label before any other. */
function orderKey(name: DomainName): string {
  let key = ''
  const labels = labelsOf(name)
  for (let index = labels.length - 1; index >= 0; index--) {
    const label = labels[index] ?? ''
    for (let at = 0; at < label.length; at++) key += String.fromCharCode(label.charCodeAt(at) + 1)
    key += '\0'
  }
  return key
}
