// A DNS server that is farther away than it is: delay-child.mjs PORT MS passes datagrams to 127.0.0.1:PORT and back, and holds each
// answer for so long. Prints its own port; ends with its stdin.
import { createSocket } from 'node:dgram'

const [port, delayMs] = process.argv.slice(2).map(Number)
const front = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 })
const back = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 })
/** By the id that a question has behind us. */
const askers = new Array(65_536)
let nextId = 0

front.on('message', (question, asker) => {
  const id = nextId++ & 0xffff
  askers[id] = { id: question.readUInt16BE(0), port: asker.port, address: asker.address }
  question.writeUInt16BE(id, 0)
  back.send(question, port, '127.0.0.1')
})
back.on('message', (answer) => {
  const asker = askers[answer.readUInt16BE(0)]
  answer.writeUInt16BE(asker.id, 0)
  setTimeout(() => front.send(answer, asker.port, asker.address), delayMs)
})
front.bind(0, '127.0.0.1', () => process.stdout.write(`${front.address().port}\n`))
process.stdin.on('end', () => process.exit(0)).resume()
