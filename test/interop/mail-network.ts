/**
 * A network of containers on which every party to a mail has an address of its own: knot and unbound answer for the zones of
 * mail-hosts.ts, an MTA receives, and one client container sends with swaks from whichever address it is told. ptrgate stands on
 * the machine itself, which is the gateway of the network.
 */
import { randomUUID } from 'node:crypto'
import { GenericContainer, getContainerRuntimeClient, StartedNetwork, Wait, type StartedTestContainer } from 'testcontainers'
import { createResolver, type ResolverHandle } from '../../src/dns/create-resolver.ts'
import { buildFixture } from '../support/docker.ts'
import { configureKnot } from './knot.ts'
import {
  brokenZone,
  CLIENT_ROLES,
  fixtureZones,
  hostAddress,
  hostAddress6,
  MTA_NAME,
  NETWORK_SLOTS,
  type HostRole,
  type NetworkSlot,
} from './mail-hosts.ts'

export interface MailNetwork {
  readonly slot: NetworkSlot
  /** Of unbound, for whoever resolves by himself. */
  readonly resolverAddress: string
  readonly resolver: ResolverHandle
  readonly client: StartedTestContainer
  /** An image that stands for the receiving MTA; it asks unbound, and finds the hosts file's client in its hosts file. */
  startMta(fixture: string, configure: (container: GenericContainer) => GenericContainer): Promise<StartedTestContainer>
  /** Runs a command in the client container. */
  run(command: string[]): Promise<string>
  close(): Promise<void>
}

export async function startMailNetwork(): Promise<MailNetwork> {
  /** In the order in which they were started; stopped from the last to the first. */
  const started: (() => Promise<unknown>)[] = []
  const close = async (): Promise<void> => {
    for (const stop of started.toReversed()) await stop()
  }
  const start = async (fixture: string, place: Place, configure: (container: GenericContainer) => GenericContainer) => {
    await buildFixture(fixture)
    const container = await configure(new PlacedContainer(`ptrgate-fixture-${fixture}:latest`, place)).start()
    started.push(() => container.stop())
    return container
  }
  try {
    const { network, slot } = await createNetwork()
    started.push(() => network.stop())
    const place = (role: HostRole): Place => ({ network: network.getName(), slot, role })
    const [, , client] = await Promise.all([
      start('knot', place('knot'), (container) => configureKnot(container, fixtureZones(slot), [brokenZone(slot)])),
      start('unbound', place('unbound'), (container) => configureUnbound(container, slot)),
      start('swaks', place('aligned'), (container) => configureClient(container, slot)),
    ])
    const resolverAddress = hostAddress(slot, 'unbound')
    const resolver = createResolver({ servers: [resolverAddress], timeoutMs: 4000, attempts: 2 })
    started.push(() => resolver.close())
    return {
      slot,
      resolverAddress,
      resolver,
      client,
      startMta: (fixture, configure) => start(fixture, place('mta'), (container) => configure(configureMta(container, slot))),
      run: async (command) => (await client.exec(command)).output,
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

interface Place {
  readonly network: string
  readonly slot: NetworkSlot
  readonly role: HostRole
}

/** testcontainers lets the engine choose addresses; here the zones say who has which. */
class PlacedContainer extends GenericContainer {
  constructor(image: string, { network, slot, role }: Place) {
    super(image)
    this.withNetworkMode(network)
    const address = { IPv4Address: hostAddress(slot, role), IPv6Address: hostAddress6(slot, role) }
    this.createOpts.NetworkingConfig = { EndpointsConfig: { [network]: { IPAMConfig: address } } }
  }
}

/** In the first slot that no other run holds: the engine refuses a subnet that overlaps with another. */
async function createNetwork(): Promise<{ readonly network: StartedNetwork; readonly slot: NetworkSlot }> {
  const client = await getContainerRuntimeClient()
  for (const slot of NETWORK_SLOTS) {
    const name = `ptrgate-mail-${String(slot.index)}-${randomUUID()}`
    try {
      const network = await client.network.create({
        Name: name,
        Driver: 'bridge',
        EnableIPv6: true,
        IPAM: {
          Config: [
            { Subnet: slot.subnet, Gateway: hostAddress(slot, 'host') },
            { Subnet: slot.subnet6, Gateway: hostAddress6(slot, 'host') },
          ],
        },
      })
      return { network: new StartedNetwork(client, name, network), slot }
    } catch (error) {
      if (!/overlap/i.test(String(error))) throw error
    }
  }
  throw new Error('every slot of the fixture network is taken: remove what earlier runs have left (docker network ls -f name=ptrgate-mail)')
}

/** Whatever lies outside of our zones does not exist: nothing may ask the public DNS. */
function configureUnbound(container: GenericContainer, slot: NetworkSlot): GenericContainer {
  const zones = [...fixtureZones(slot).keys()]
  const configuration = [
    'server:',
    '    interface: 0.0.0.0',
    '    access-control: 0.0.0.0/0 allow',
    '    do-ip6: no',
    '    module-config: "iterator"',
    '    chroot: ""',
    '    username: ""',
    '    use-syslog: no',
    '    logfile: ""',
    '    verbosity: 1',
    '    local-zone: "." static',
    '    local-zone: "100.51.198.in-addr.arpa." nodefault',
    '    local-zone: "8.b.d.0.1.0.0.2.ip6.arpa." nodefault',
    ...zones.map((zone) => `    local-zone: "${zone}." transparent`),
    ...zones.map((zone) => `stub-zone:\n    name: "${zone}."\n    stub-addr: ${hostAddress(slot, 'knot')}\n    stub-prime: no`),
    '',
  ].join('\n')
  return container
    .withCopyContentToContainer([{ content: configuration, target: '/etc/unbound/unbound.conf' }])
    .withCommand(['unbound', '-d', '-p', '-c', '/etc/unbound/unbound.conf'])
    .withWaitStrategy(Wait.forLogMessage(/start of service/, 1))
}

/** One machine with many addresses: to a server, its clients are as many machines. */
function configureClient(container: GenericContainer, slot: NetworkSlot): GenericContainer {
  const more = CLIENT_ROLES.filter((role) => role !== 'aligned').flatMap((role) => [
    `ip address add ${hostAddress(slot, role)}/28 dev eth0`,
    `ip address add ${hostAddress6(slot, role)}/80 dev eth0 nodad`,
  ])
  return container
    .withAddedCapabilities('NET_ADMIN')
    .withCommand(['sh', '-c', ['set -e', ...more, 'echo the addresses are there', 'exec sleep infinity'].join('\n')])
    .withWaitStrategy(Wait.forLogMessage(/the addresses are there/, 1))
}

/**
 * The engine's own resolver, which resolv.conf names, answers for the addresses of containers with names of its own: it is taken
 * out of the way before the MTA starts.
 */
function configureMta(container: GenericContainer, slot: NetworkSlot): GenericContainer {
  return container
    .withHostname(MTA_NAME)
    .withExtraHosts([{ host: 'known-here.example.com', ipAddress: hostAddress(slot, 'hostsFile') }])
    .withEntrypoint(['sh', '-c', `echo nameserver ${hostAddress(slot, 'unbound')} >/etc/resolv.conf\nexec "$@"`, 'start'])
}

/** Of a front end on the machine itself. */
export function portOf({ address }: { readonly address: string }): string {
  return address.slice(address.lastIndexOf(':') + 1)
}
