/**
 * Whose Authentication-Results headers with our authserv-id stay in a message (RFC 8601 §5): those of clients that are trusted by
 * their address, such as a relay of ours that already judged the sender. Everybody else has them removed: a login says who
 * somebody is, not that what they pass on is true.
 */
import type { IpAddress } from '../core/address.ts'
import type { CompiledPolicy } from '../policy/compile.ts'
import { skipBeforeLookup } from '../policy/decide.ts'

export function believesHeadersFrom(address: IpAddress, policy: CompiledPolicy): boolean {
  return skipBeforeLookup(address, false, policy) !== undefined
}
