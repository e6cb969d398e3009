/** A Postfix smtpd's side of policy delegation, for tests. */
import type { Socket } from 'node:net'
import { encodePolicyBlock, PolicyBlockReader } from '../../src/wire/policy-request.ts'
import { SocketReader } from './socket-reader.ts'

export class PolicyTestClient implements AsyncDisposable {
  readonly socket: Socket
  /** Resolves when the service has hung up. */
  readonly closed: Promise<void>
  readonly #actions: SocketReader<string>

  private constructor(actions: SocketReader<string>) {
    this.socket = actions.socket
    this.closed = actions.closed
    this.#actions = actions
  }

  static async connect(to: string): Promise<PolicyTestClient> {
    const reader = new PolicyBlockReader()
    const decode = (chunk: Buffer): string[] => reader.push(chunk).blocks.map((block) => block.get('action') ?? '(none)')
    return new PolicyTestClient(await SocketReader.connect(to, decode))
  }

  /** What is not given is as of a client that has got as far as RCPT. */
  write(attributes: Readonly<Record<string, string>>): void {
    const all = { ...DEFAULTS, ...attributes }
    this.socket.write(encodePolicyBlock(Object.entries(all)))
  }

  async ask(attributes: Readonly<Record<string, string>>): Promise<string> {
    this.write(attributes)
    return this.read()
  }

  read(): Promise<string> {
    return this.#actions.read()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#actions[Symbol.asyncDispose]()
  }
}

const DEFAULTS = {
  request: 'smtpd_access_policy',
  protocol_state: 'RCPT',
  protocol_name: 'ESMTP',
  client_address: '198.51.100.7',
  client_name: 'unknown',
  client_port: '4711',
  reverse_client_name: 'unknown',
  helo_name: 'mail.example.com',
  sender: 'from@example.com',
  recipient: 'user@example.org',
  recipient_count: '0',
  queue_id: '',
  instance: '1.1.1.0',
  sasl_method: '',
  sasl_username: '',
}
