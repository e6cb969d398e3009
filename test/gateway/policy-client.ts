/** A Postfix smtpd's side of policy delegation, for tests. */
import { connect, type Socket } from 'node:net'
import { parseListenAddress } from '../../src/gateway/listen.ts'
import { encodePolicyBlock, PolicyBlockReader } from '../../src/wire/policy-request.ts'

export class PolicyTestClient implements AsyncDisposable {
  readonly socket: Socket
  readonly #reader = new PolicyBlockReader()
  readonly #actions: string[] = []
  #wake: () => void = () => undefined
  readonly closed: Promise<void>

  private constructor(socket: Socket) {
    this.socket = socket
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()))
    socket.on('error', () => undefined)
    socket.on('data', (chunk) => {
      for (const block of this.#reader.push(chunk).blocks) this.#actions.push(block.get('action') ?? '(none)')
      this.#wake()
    })
    socket.on('close', () => this.#wake())
  }

  static async connect(to: string): Promise<PolicyTestClient> {
    const where = parseListenAddress(to)
    if (!where) throw new TypeError(`not an address: ${to}`)
    const socket = connect(where.kind === 'unix' ? { path: where.path } : { host: where.host, port: where.port })
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject))
    return new PolicyTestClient(socket)
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

  async read(): Promise<string> {
    for (;;) {
      const action = this.#actions.shift()
      if (action !== undefined) return action
      if (this.socket.destroyed) throw new Error('the service has hung up')
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy()
    await this.closed
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
