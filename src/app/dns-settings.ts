/**
 * Which DNS servers to ask: `--resolver` first, else the system's resolv.conf. The hosts file is never read.
 */
import { readFileSync } from 'node:fs'
import type { DnsServer } from '../dns/client.ts'
import { parseDnsServer } from '../dns/create-resolver.ts'
import { parseResolvConf } from '../dns/resolv-conf.ts'

export interface DnsServers {
  readonly servers: readonly DnsServer[]
  readonly timeoutMs?: number | undefined
  readonly attempts?: number | undefined
  readonly rotate?: boolean | undefined
  readonly warnings: readonly string[]
}

const RESOLV_CONF = '/etc/resolv.conf'

export function dnsServers(resolverOptions: readonly string[], file = RESOLV_CONF): DnsServers | { readonly error: string } {
  if (resolverOptions.length > 0) return fromOptions(resolverOptions)
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    return { error: `no resolver: ${file} cannot be read (${error instanceof Error ? error.message : String(error)}); give --resolver` }
  }
  const parsed = parseResolvConf(text)
  return { ...parsed, warnings: parsed.warnings.map((warning) => `${file}:${String(warning.line)}: ${warning.reason}`) }
}

function fromOptions(resolverOptions: readonly string[]): DnsServers | { readonly error: string } {
  const servers: DnsServer[] = []
  for (const text of resolverOptions) {
    const server = parseDnsServer(text)
    if (!server) return { error: `--resolver ${JSON.stringify(text)}: not an address with an optional port, such as 127.0.0.1:5300` }
    servers.push(server)
  }
  return { servers, warnings: [] }
}
