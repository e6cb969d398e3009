/**
 * The lab in one process: an embedded DNS on loopback that answers from zone text, with faults, and a resolver that asks it.
 * For `ptrgate lab` and, as `ptrgate/testing`, for the tests of other programs. It reads no files.
 */
import type { DnsFault } from '../dns/authority.ts'
import { startAuthority, type Authority } from '../dns/authority.ts'
import { parseAddress } from '../core/address.ts'
import type { ResourceRecord } from '../core/dns-record.ts'
import { createResolver, type ResolverHandle } from '../dns/create-resolver.ts'
import { formatZoneFileError, parseZone } from '../wire/zone-file.ts'

export interface LabOptions {
  /** A master file (RFC 1035 §5). Without one the lab starts empty. */
  readonly zone?: string | undefined
  /** How errors in it name it. */
  readonly zoneName?: string | undefined
  /** Loopback unless given. */
  readonly address?: string | undefined
  /** 0 (unless given) for any free port. */
  readonly port?: number | undefined
}

export interface Lab extends AsyncDisposable {
  /** As `--resolver` takes it: `127.0.0.1:5300`. */
  readonly dnsServer: string
  readonly dns: Authority
  /** Asks the lab's DNS and nothing else. */
  readonly resolver: ResolverHandle
  readonly zone: {
    /** Adds records in master file syntax. Throws on a mistake in them. */
    add(text: string): void
  }
  fault(fault: DnsFault): void
  clearFaults(): void
  close(): Promise<void>
}

export async function startLab(options: LabOptions = {}): Promise<Lab> {
  const address = options.address ?? '127.0.0.1'
  const records = options.zone === undefined ? [] : recordsOf(options.zone, options.zoneName ?? 'zone')
  const dns = await startAuthority({ records, addresses: [address], port: options.port ?? 0 })
  const server = parseAddress(dns.address)
  if (!server) throw new TypeError(`not an address: ${dns.address}`)
  // No cache: a record that a test has just added must be seen at once.
  const resolver = createResolver({ servers: [{ address: server, port: dns.port }], timeoutMs: 1000, attempts: 2, cache: false })
  const close = async (): Promise<void> => {
    await resolver.close()
    await dns.close()
  }
  return {
    dnsServer: dns.server,
    dns,
    resolver,
    zone: {
      add(text) {
        dns.zone.add(recordsOf(text, 'zone.add'))
      },
    },
    fault(fault) {
      dns.faults.add(fault)
    },
    clearFaults() {
      dns.faults.clear()
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

function recordsOf(text: string, file: string): readonly ResourceRecord[] {
  const parsed = parseZone(text, { file })
  if (parsed.kind === 'error') throw new SyntaxError(formatZoneFileError(parsed))
  return parsed.records
}
