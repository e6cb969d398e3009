/** What the containers with knot share: which zones it serves, and of which it has no file, so that it answers SERVFAIL for them. */
import { Wait, type GenericContainer } from 'testcontainers'

/** `zones`: by origin, each in master-file format. */
export function configureKnot(
  container: GenericContainer,
  zones: ReadonlyMap<string, string>,
  notLoaded: readonly string[],
): GenericContainer {
  const configuration = [
    'server:',
    '    rundir: /run/knot',
    '    listen: [ "0.0.0.0@53" ]',
    'log:',
    '  - target: stdout',
    '    any: info',
    'database:',
    '    storage: /run/knot',
    'template:',
    '  - id: default',
    '    storage: /zones',
    '    zonefile-sync: -1',
    '    journal-content: none',
    'zone:',
    ...Array.from(zones.keys(), (zone) => `  - domain: "${zone}"\n    file: ${zone}.zone`),
    ...notLoaded.map((zone) => `  - domain: "${zone}"\n    file: there-is-none.zone`),
    '',
  ].join('\n')
  return container
    .withCopyContentToContainer([
      { content: configuration, target: '/etc/knot/knot.conf' },
      ...Array.from(zones, ([zone, content]) => ({ content, target: `/zones/${zone}.zone` })),
    ])
    .withWaitStrategy(Wait.forLogMessage(/server started/, 1))
}
