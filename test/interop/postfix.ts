/**
 * A Postfix on the fixture network: what every test of it shares, and what each adds in the words of main.cf and master.cf.
 */
import { Wait, type StartedTestContainer } from 'testcontainers'
import { MTA_NAME } from './mail-hosts.ts'
import type { MailNetwork } from './mail-network.ts'

export interface PostfixService {
  readonly port: number
  /** Lines of main.cf, for this service alone. */
  readonly settings: string
  /** As Debian's own services are. */
  readonly chroot?: true
}

export interface PostfixSettings {
  /** Lines of main.cf. */
  readonly main?: string
  readonly services?: readonly PostfixService[]
  /** Entries of master.cf. */
  readonly master?: string
  /** A folder of this machine that is to be seen at /var/spool/postfix/ptrgate. */
  readonly socketDirectory?: string
}

export function startPostfix(network: MailNetwork, settings: PostfixSettings): Promise<StartedTestContainer> {
  const { main = '', services = [], master = '', socketDirectory } = settings
  const mounts = socketDirectory === undefined ? [] : [{ source: socketDirectory, target: '/var/spool/postfix/ptrgate' }]
  return network.startMta('postfix', (container) =>
    container
      .withCommand(['start-postfix'])
      .withBindMounts(mounts)
      .withCopyContentToContainer([
        { content: MAIN_CF + main, target: '/etc/postfix/main.cf' },
        { content: services.map(masterEntry).join('') + master, target: '/etc/postfix/services.cf' },
      ])
      .withWaitStrategy(Wait.forLogMessage(/daemon started/, 1)),
  )
}

const MAIN_CF = `
compatibility_level = 3.7
maillog_file = /dev/stdout
myhostname = ${MTA_NAME}
mydestination = example.org
mynetworks = 127.0.0.0/8
inet_protocols = all
home_mailbox = Maildir/
alias_maps =
smtpd_sasl_auth_enable = yes
`

/** A later entry of master.cf takes the place of an earlier one with the same name. */
function masterEntry({ port, settings, chroot }: PostfixService): string {
  const logical = settings.replaceAll(/\n[ \t]+/g, ' ').split('\n')
  const options = logical.filter((line) => line.trim() !== '').map((line) => `    -o { ${line} }`)
  return [`${String(port)} inet n - ${chroot ? 'y' : 'n'} - - smtpd`, ...options, ''].join('\n')
}
