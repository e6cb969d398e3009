/**
 * Whether a client belongs to the share for which rejections are enforced: the same answer for the same address every time, on every
 * machine with the same salt; and whoever is in a share is in every larger one.
 */
import { unmapAddress, type IpAddress } from '../core/address.ts'

export function shareSeed(salt: string): number {
  let hash = FNV_OFFSET
  for (let index = 0; index < salt.length; index++) hash = Math.imul(hash ^ salt.charCodeAt(index), FNV_PRIME)
  return hash
}

export function isInShare(address: IpAddress, seed: number, percent: number): boolean {
  let hash = seed
  for (const byte of unmapAddress(address).bytes) hash = Math.imul(hash ^ byte, FNV_PRIME)
  return mix(hash) < (percent / 100) * 2 ** 32
}

const FNV_OFFSET = 0x811c9dc5
const FNV_PRIME = 0x01000193

/** Spreads neighbouring addresses evenly: FNV alone leaves its high bits nearly alike for them. */
function mix(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}
