/**
 * The `listeners:` section of the config: what each kind of front end can be told.
 * Whether several listeners go together is in cross-checks.ts.
 */
import { resolve } from 'node:path'
import { z } from 'zod'
import type { ListenAddress } from '../../gateway/listen.ts'
import { DEFAULT_HTTP_LIMITS } from '../../gateway/http.ts'
import { DEFAULT_MILTER_LIMITS } from '../../gateway/milter.ts'
import { DEFAULT_POLICY_DELEGATION_LIMITS } from '../../gateway/policy-delegation.ts'
import { DEFAULT_RELAY_LIMITS } from '../../gateway/relay.ts'
import { filePathField, addressField, describeValue, fileModeField, hostNameField, listenAddressField, nextHopField } from './fields.ts'

export const LISTENER_KINDS = ['milter', 'policy', 'smtp', 'http'] as const
export type ListenerKind = (typeof LISTENER_KINDS)[number]

/** What every kind has. */
function listening(address: string, maxConnections: number) {
  return {
    address: listenAddressField.prefault(address).describe('Where to listen: host:port, or unix:/path for a unix socket.'),
    mode: fileModeField.optional().describe("Mode of the unix socket, such as '0660'. Default: what the umask leaves."),
    group: z
      .union([z.string().min(1), z.int().min(0)], {
        error: ({ input }) => `expected the name or the number of a group, not ${describeValue(input)}`,
      })
      .optional()
      .describe('Group of the unix socket: that of the mail server, which must be able to connect. Default: our own.'),
    maxConnections: z
      .int()
      .min(1)
      .max(1_000_000)
      .default(maxConnections)
      .describe('Connections at a time; any more are closed at once, so that memory and file descriptors last.'),
  }
}

const milterListener = z.strictObject({
  kind: z.literal('milter').describe('The milter protocol, for Postfix and Sendmail.'),
  ...listening('127.0.0.1:8893', DEFAULT_MILTER_LIMITS.maxConnections),
})

const policyListener = z.strictObject({
  kind: z.literal('policy').describe('Postfix policy delegation (check_policy_service).'),
  ...listening('127.0.0.1:8894', DEFAULT_POLICY_DELEGATION_LIMITS.maxConnections),
  deferAs: z
    .enum(['reply', 'deferIfPermit'])
    .default('reply')
    .describe(
      'How to defer. reply: at once, with the code of the policy. deferIfPermit: only if no later restriction rejects, with Postfix’s own code.',
    ),
})

const NEXT_HOP_TLS_MODES = ['opportunistic', 'required', 'never'] as const

const nextHopTls = z
  .strictObject({
    mode: z
      .enum(NEXT_HOP_TLS_MODES)
      .default('opportunistic')
      .describe('opportunistic: STARTTLS where it is offered. required: 451 to the client where it is not. never: always in the clear.'),
    verify: z
      .boolean()
      .optional()
      .describe('Whether its certificate must be valid for its name or address. Default: where the mode is required, and not elsewhere.'),
    name: hostNameField.optional().describe('The name that its certificate is for. Default: that of nextHop.'),
    authority: filePathField
      .optional()
      .describe('File of the authority that signed its certificate (PEM). Default: the public authorities that Node.js knows.'),
  })
  .refine(({ mode, verify }) => verify !== true || mode === 'required', {
    path: ['verify'],
    error: 'it protects nothing unless the mode is required: whoever stands between can hide STARTTLS',
  })

const smtpListener = z.strictObject({
  kind: z.literal('smtp').describe('A gateway that speaks SMTP, with a mail server behind it.'),
  ...listening('127.0.0.1:2525', DEFAULT_RELAY_LIMITS.maxConnections),
  nextHop: nextHopField.describe('The mail server behind: host:port or unix:/path. Only what it has accepted is accepted.'),
  nextHopTls: nextHopTls.prefault({}).describe('TLS on the way to the next hop.'),
  nextHopProxy: z
    .boolean()
    .default(false)
    .describe('Begin each session to the next hop with a PROXY (version 1) header, so that it sees the true client. It must expect one.'),
  tls: z
    .strictObject({
      key: filePathField.describe('File of the private key (PEM); a relative path counts from the folder of this file.'),
      certificate: filePathField.describe('File of the certificate and its chain (PEM).'),
    })
    .optional()
    .describe('Offers STARTTLS to clients. Default: not offered.'),
  maxMessageOctets: z
    .int()
    .min(1024)
    .max(Number.MAX_SAFE_INTEGER)
    .optional()
    .describe('Larger messages are refused; the limit of the next hop counts where it is smaller. Default: 1 GiB.'),
  xclientPeers: z
    .array(addressField)
    .default([])
    .describe('Addresses that may tell the true client by XCLIENT. Whoever is listed can pose as anybody.'),
  proxyPeers: z
    .array(addressField)
    .default([])
    .describe('Addresses of load balancers that begin with a PROXY (version 1) header. They must send one, nobody else may.'),
})

const httpListener = z.strictObject({
  kind: z.literal('http').describe('Health, metrics, events and POST /v1/check. It asks for no password: keep it on the inside.'),
  ...listening('127.0.0.1:8895', DEFAULT_HTTP_LIMITS.maxConnections),
  hosts: z
    .array(hostNameField)
    .default([])
    .describe(
      'Host names by which it may be asked, so that no stranger’s web page can. Addresses, single labels and our own name always may.',
    ),
})

export const listenerSchema = z.discriminatedUnion('kind', [milterListener, policyListener, smtpListener, httpListener])

export type ParsedListener = z.output<typeof listenerSchema>

/** `address` holds mode and group of a unix socket. */
type Listening<L> = L extends unknown ? Omit<L, 'address' | 'mode' | 'group'> & { readonly address: ListenAddress } : never

export type MilterListenerConfig = Listening<z.output<typeof milterListener>>
export type PolicyListenerConfig = Listening<z.output<typeof policyListener>>
export type SmtpListenerConfig = Listening<z.output<typeof smtpListener>>
export type HttpListenerConfig = Listening<z.output<typeof httpListener>>
export type ListenerConfig = MilterListenerConfig | PolicyListenerConfig | SmtpListenerConfig | HttpListenerConfig

/** `folder`: from which the paths of files count. */
export function toListenerConfig({ mode, group, ...listener }: ParsedListener, folder: string): ListenerConfig {
  const address: ListenAddress = listener.address.kind === 'unix' ? { ...listener.address, mode, group } : listener.address
  if (listener.kind !== 'smtp') return { ...listener, address }
  const { tls, nextHopTls } = listener
  return {
    ...listener,
    address,
    ...(tls ? { tls: { key: resolve(folder, tls.key), certificate: resolve(folder, tls.certificate) } } : {}),
    ...(nextHopTls.authority ? { nextHopTls: { ...nextHopTls, authority: resolve(folder, nextHopTls.authority) } } : {}),
  }
}
