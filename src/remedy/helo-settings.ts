/**
 * Where each mail server keeps the name that it says in HELO. `command` is for a shell, `setting` for a configuration file or a
 * form. Sources: postconf(5) smtp_helo_name; Exim specification, smtp transport, helo_data; Sendmail cf/README, confDOMAIN_NAME;
 * Set-SendConnector -Fqdn; smtpd.conf(5) relay helo; hMailServer, Delivery of e-mail.
 */
import type { DomainName } from '../core/domain-name.ts'

export interface RemedyChoice {
  readonly label: string
  readonly command?: string
  readonly setting?: string
}

/** The caller vouches for a host name. */
export function heloSettings(name: DomainName): readonly RemedyChoice[] {
  return [
    { label: 'Postfix', command: `postconf -e 'smtp_helo_name = ${name}' && postfix reload` },
    {
      label: 'Exim on Debian',
      command: `echo 'REMOTE_SMTP_HELO_DATA = ${name}' >> /etc/exim4/exim4.conf.localmacros && update-exim4.conf && systemctl reload exim4`,
    },
    { label: 'Exim elsewhere, in the remote_smtp transport', setting: `helo_data = ${name}` },
    { label: 'Sendmail, in sendmail.mc', setting: `define(\`confDOMAIN_NAME', \`${name}')dnl` },
    { label: 'Exchange, in its Management Shell', command: `Set-SendConnector 'CONNECTOR' -Fqdn ${name}` },
    { label: 'OpenSMTPD, in smtpd.conf', setting: `action "outbound" relay helo ${name}` },
    { label: 'hMailServer: Protocols, SMTP, Delivery of e-mail, Local host name', setting: name },
  ]
}
