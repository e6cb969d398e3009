// A milter and a policy service that say yes to everything, in a process of their own: yes-child.mjs MILTER_SOCKET POLICY_SOCKET. What
// Postfix still serves with them is the most that it can serve with any. Prints a line when both listen; ends with its stdin.
import { chmodSync } from 'node:fs'
import { createServer } from 'node:net'
import { decodeMilterCommand } from '../dist/wire/milter-command.js'
import { MilterFrameReader } from '../dist/wire/milter-frame.js'
import { encodeMilterReply } from '../dist/wire/milter-reply.js'

/** Every step but the end of a message can be left out, or goes without an answer. */
const MOST_STEPS = 0x0fffff
const [milterSocket, policySocket] = process.argv.slice(2)

await Promise.all([listen(milterSocket, serveMilter), listen(policySocket, servePolicy)])
process.stdout.write('true\n')
process.stdin.on('end', () => process.exit(0)).resume()

function listen(path, serve) {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy())
    serve(socket)
  })
  return new Promise((resolve) =>
    server.listen(path, () => {
      // Postfix comes as a user of its own.
      chmodSync(path, 0o666)
      resolve()
    }),
  )
}

function serveMilter(socket) {
  const frames = new MilterFrameReader()
  socket.on('data', (chunk) => {
    for (const packet of frames.push(chunk).packets) {
      const { command } = decodeMilterCommand(packet)
      if (command.kind === 'quit') socket.end()
      else if (command.kind === 'negotiate') {
        const { version, steps } = command.offer
        socket.write(
          encodeMilterReply({ kind: 'negotiate', agreement: { version, actions: 0, steps: steps & MOST_STEPS, macros: new Map() } }),
        )
      } else if (command.kind === 'endOfMessage') socket.write(encodeMilterReply({ kind: 'continue' }))
    }
  })
}

function servePolicy(socket) {
  let held = ''
  socket.on('data', (chunk) => {
    const requests = `${held}${chunk.toString('latin1')}`.split('\n\n')
    held = requests.pop() ?? ''
    if (requests.length > 0) socket.write('action=DUNNO\n\n'.repeat(requests.length))
  })
}
