/**
 * Everything that a probe learns from records around a mail server, as one tagged union: plain data that survives JSON.
 */
import type { DaneFacts } from './dane.ts'
import type { TlsaMatch } from './dane-match.ts'
import type { DkimKeyFacts } from './dkim-key.ts'
import type { DmarcFacts } from './dmarc.ts'
import type { DnsblFacts } from './dnsbl.ts'
import type { MtaStsFacts } from './mta-sts.ts'
import type { SpfAddresses } from './spf-addresses.ts'
import type { SpfFacts } from './spf.ts'
import type { TlsRptFacts } from './tls-rpt.ts'

export type RecordFacts =
  /** `identity`: for whose domain the address was checked. */
  | (SpfFacts & { readonly identity: 'mailFrom' | 'helo' })
  | SpfAddresses
  | DmarcFacts
  | MtaStsFacts
  | TlsRptFacts
  /** `match`: against what the server presented; null where no certificate was seen. */
  | (DaneFacts & { readonly match: TlsaMatch | null })
  | DnsblFacts
  | DkimKeyFacts
