/**
 * Default names that hosting providers give to addresses which nobody has named, and whose they are. Data with the pattern of
 * what stands below the provider's domain; a name that carries an address must carry this one. The ids are those of the
 * remedies. Sources are in docs/generic-ptr.md.
 */
import { parseAddress, type IpAddress } from '../core/address.ts'
import type { DomainName } from '../core/domain-name.ts'
import { takeNameApart, type NameParts } from './generic-name.ts'

export type ProviderId =
  | 'aws'
  | 'azure'
  | 'gcp'
  | 'digitalocean'
  | 'hetzner'
  | 'ovh'
  | 'linode'
  | 'vultr'
  | 'scaleway'
  | 'upcloud'
  | 'ionos'
  | 'oracle'
  | 'contabo'
  | 'cloudfront'
  | 'colocrossing'
  | 'godaddy'
  | 'hosteurope'
  | 'hostinger'
  | 'hostwinds'
  | 'huawei'
  | 'ibm'
  | 'netcup'
  | 'quadranet'
  | 'strato'

/** The provider whose default name this is for this address; undefined for a name that somebody chose. */
export function providerOfDefaultName(name: DomainName | string, address: IpAddress | string): ProviderId | undefined {
  if (name.length > MAX_TEXT) return undefined
  return providerOfParts(takeNameApart(name), typeof address === 'string' ? parseAddress(address) : address)
}

/** As `providerOfDefaultName`. Without an address, only names that carry none can be told. */
export function providerOfParts(parts: NameParts, address: IpAddress | undefined): ProviderId | undefined {
  const host = parts.text.slice(0, parts.hostEnd)
  if (host === '') return undefined
  for (const shape of SHAPES_BY_DOMAIN.get(parts.domain) ?? []) if (fits(shape, host, '', address)) return shape.provider
  const ovh = OVH_BLOCK_DOMAIN.exec(parts.domain)
  if (ovh !== null && fits(OVH_BLOCK, host, ovh[1] ?? '', address)) return 'ovh'
  return DIGITALOCEAN_DROPLET.test(parts.labels[0] ?? '') ? 'digitalocean' : undefined
}

const MAX_TEXT = 1024

interface DefaultName {
  readonly provider: ProviderId
  /** Matched against everything below the provider's domain; its groups hold the address, if any. */
  readonly host: RegExp
  /** How the groups spell the address: as they come, from the last octet on, or in hexadecimal from the last octet on. */
  readonly address?: 'forward' | 'backward' | 'backwardHex' | 'compressed' | 'lastOctet'
}

function fits(shape: DefaultName, host: string, block: string, address: IpAddress | undefined): boolean {
  const match = shape.host.exec(host)
  if (match === null) return false
  if (shape.address === undefined) return true
  if (address === undefined) return false
  const groups = match.slice(1)
  switch (shape.address) {
    case 'compressed':
      return sameBytes(parseAddress((groups[0] ?? '').replaceAll('-', ':'))?.bytes, address.bytes)
    case 'lastOctet':
      return address.family === 4 && address.bytes.join('-') === `${block}${block === '' ? '' : '-'}${groups[0] ?? ''}`
    case 'backwardHex':
      return sameBytes(
        /^(.+)\.(.+)\.(..)(..)$/
          .exec(host.split('.ip4.')[0] ?? '')
          ?.slice(1)
          .map((octet) => Number.parseInt(octet, 16))
          .reverse(),
        address.bytes,
      )
    case 'forward':
      return sameBytes(groups.map(Number), address.bytes)
    case 'backward':
      return sameBytes(groups.map(Number).reverse(), address.bytes)
  }
}

function sameBytes(left: readonly number[] | undefined, right: readonly number[]): boolean {
  return left?.length === right.length && left.every((byte, index) => byte === right[index])
}

const O = '([0-9]{1,3})'
const DASHED = `${O}-${O}-${O}-${O}`
const DOTTED = `${O}\\.${O}\\.${O}\\.${O}`

function shape(provider: ProviderId, host: string, address?: DefaultName['address']): DefaultName {
  const pattern = new RegExp(`^(?:${host})$`)
  return address === undefined ? { provider, host: pattern } : { provider, host: pattern, address }
}

/** `ip81.ip-51-222-115.net`, `136.ip-92-222-84.eu` and `ns316491.ip-37-187-129.eu`: OVH gives each /24 a domain. */
const OVH_BLOCK_DOMAIN = /^ip-([0-9]{1,3}-[0-9]{1,3}-[0-9]{1,3})\.[a-z]{2,3}$/
const OVH_BLOCK: DefaultName = shape('ovh', '(?:ip|ns|vps)?[0-9]{1,10}')
/** A Droplet that was not renamed: `ubuntu-s-1vcpu-2gb-ams3-01`. */
const DIGITALOCEAN_DROPLET = /-s-[0-9]{1,2}vcpu-[0-9]{1,3}gb(?:-[a-z]{1,12}){0,2}-[a-z]{3}[0-9](?:-[0-9]{1,3})?$/

const SHAPES_BY_DOMAIN: ReadonlyMap<string, readonly DefaultName[]> = new Map(
  Object.entries({
    'amazonaws.com': [shape('aws', `ec2-${DASHED}\\.(?:compute-1|[a-z0-9-]{1,32}\\.compute)`, 'forward')],
    'amazonaws.com.cn': [shape('aws', `ec2-${DASHED}\\.[a-z0-9-]{1,32}\\.compute`, 'forward')],
    'cloudfront.net': [shape('cloudfront', `server-${DASHED}\\.[a-z0-9]{1,16}\\.r`, 'forward')],
    'azure.com': [shape('azure', '[a-z0-9-]{1,63}\\.[a-z0-9]{1,32}\\.cloudapp')],
    'cloudapp.net': [shape('azure', '[a-z0-9-]{1,63}')],
    'googleusercontent.com': [shape('gcp', `${DOTTED}\\.bc`, 'backward')],
    'your-server.de': [
      shape('hetzner', `static\\.${DOTTED}\\.clients`, 'backward'),
      shape('hetzner', `(?:static\\.)?${DASHED}\\.clients`, 'forward'),
    ],
    'ovh.net': [shape('ovh', 'vps-[0-9a-f]{8}\\.vps|vps[0-9]{4,10}|ns[0-9]{4,10}')],
    'ovh.ca': [shape('ovh', 'vps-[0-9a-f]{8}\\.vps|vps[0-9]{4,10}')],
    'kimsufi.com': [shape('ovh', 'ks[0-9]{4,10}')],
    'linodeusercontent.com': [
      shape('linode', `${DASHED}\\.ip`, 'forward'),
      shape('linode', '([0-9a-f]{1,4}(?:-{1,2}[0-9a-f]{1,4}){1,7})\\.ip', 'compressed'),
    ],
    'linode.com': [shape('linode', 'li[0-9]{1,5}-[0-9]{1,3}\\.members')],
    'vultrusercontent.com': [shape('vultr', DOTTED, 'forward')],
    'vultr.com': [shape('vultr', DOTTED, 'forward')],
    'scw.cloud': [
      shape('scaleway', `${DASHED}\\.instances`, 'backward'),
      shape('scaleway', '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\\.(?:pub|priv)\\.instances'),
    ],
    'scaleway.com': [shape('scaleway', `${DASHED}\\.rev\\.cloud`, 'backward')],
    'poneytelecom.eu': [shape('scaleway', `${DASHED}\\.rev`, 'forward')],
    'upcloud.host': [shape('upcloud', `${DASHED}\\.[a-z]{2}-[a-z]{3}[0-9]{1,2}`, 'forward')],
    'onlinehome-server.info': [shape('ionos', '[su][0-9]{5,10}')],
    'onlinehome-server.com': [shape('ionos', '[su][0-9]{5,10}')],
    'onlinehome-server.de': [shape('ionos', '[su][0-9]{5,10}')],
    'oraclevcn.com': [shape('oracle', '[a-z0-9-]{1,63}\\.[a-z0-9]{1,63}\\.[a-z0-9]{1,63}')],
    'contaboserver.net': [shape('contabo', 'vm[id][0-9]{3,10}')],
    'colocrossing.com': [shape('colocrossing', `${DASHED}-host`, 'forward')],
    'secureserver.net': [shape('godaddy', `ip-${DASHED}\\.ip`, 'forward'), shape('godaddy', `${DOTTED}\\.host`, 'backward')],
    'hosteurope.de': [shape('hosteurope', 'rs[0-9]{4,8}\\.rs')],
    'hstgr.cloud': [shape('hostinger', 'srv[0-9]{4,10}')],
    'hostwindsdns.com': [shape('hostwinds', 'hwsrv-[0-9]{4,10}'), shape('hostwinds', `client-${DASHED}`, 'forward')],
    'hwclouds-dns.com': [shape('huawei', `ecs-${DASHED}\\.compute`, 'forward')],
    'sl-reverse.com': [shape('ibm', '[0-9a-f]{1,2}\\.[0-9a-f]{1,2}\\.[0-9a-f]{4}\\.ip4\\.static', 'backwardHex')],
    'powersrv.de': [shape('netcup', 'v[0-9]{12,20}')],
    'yourvserver.net': [shape('netcup', 'v[0-9]{12,20}')],
    'quadranet.com': [shape('quadranet', `${DOTTED}\\.static`, 'forward')],
    'stratoserver.net': [shape('strato', 'h[0-9]{5,9}')],
  }),
)
