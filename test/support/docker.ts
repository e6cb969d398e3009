/**
 * Container tests: they run where there is a container engine. Without one they are skipped and say why; in CI that is a failure,
 * since a suite that silently does not run proves nothing.
 */
import { request } from 'node:http'
import { fileURLToPath } from 'node:url'
import { GenericContainer } from 'testcontainers'
import { describe, expect, it } from 'vitest'

const PING_TIMEOUT_MS = 3000

/** As `describe`, for tests that start containers. */
export function describeWithDocker(name: string, tests: () => void): void {
  if (engineProblem === undefined) describe(name, tests)
  else if (process.env['CI'] === undefined) describe.skip(`${name} (skipped: ${engineProblem})`, tests)
  else {
    it(`${name}: there is a container engine`, () => {
      expect(engineProblem).toBeUndefined()
    })
  }
}

/** Builds `docker/fixtures/<fixture>` once; later builds come from the engine's cache. */
export function buildFixture(fixture: string): Promise<GenericContainer> {
  const context = fileURLToPath(new URL(`../../docker/fixtures/${fixture}`, import.meta.url))
  return GenericContainer.fromDockerfile(context).build(`ptrgate-fixture-${fixture}`, { deleteOnExit: false })
}

const engineProblem = await findEngineProblem(process.env['DOCKER_HOST'] ?? 'unix:///var/run/docker.sock')

/** Undefined when an engine answers at this address. */
async function findEngineProblem(dockerHost: string): Promise<string | undefined> {
  const { protocol, hostname, port, pathname } = new URL(dockerHost)
  const isSocket = protocol === 'unix:'
  // An engine behind ssh or TLS is left to testcontainers, which then says itself what is wrong.
  if (!isSocket && protocol !== 'tcp:' && protocol !== 'http:') return undefined
  const target = isSocket ? { socketPath: pathname } : { host: hostname, port }
  return new Promise((resolve) => {
    const ping = request({ ...target, path: '/_ping', timeout: PING_TIMEOUT_MS }, (response) => {
      response.resume()
      resolve(response.statusCode === 200 ? undefined : `the container engine at ${dockerHost} answers ${String(response.statusCode)}`)
    })
    ping.on('timeout', () => ping.destroy(new Error(`no answer within ${String(PING_TIMEOUT_MS)} ms`)))
    ping.on('error', (error) => {
      resolve(`no container engine at ${dockerHost}: ${error.message}`)
    })
    ping.end()
  })
}
