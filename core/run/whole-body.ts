import { Buffer } from 'node:buffer'
import { ServerResponse } from 'node:http'
import process from 'node:process'
import type { ClientAnswer } from './client-message.ts'

/** Below the mark from which a socket asks to wait; and copying more costs more than it saves. */
const SMALL = 8 * 1024
const isNode = process.versions.deno === undefined

/**
 * The last or only piece of a body whose length the head told. node:http would write head, piece and an empty end as three in one
 * `writev`; as one text it is a `write`, which took 8 of the 50 µs that a pass-through needs for a request (bench/README.md). `end`
 * then has nothing left to send.
 */
export function writeWhole(res: ClientAnswer, bytes: Uint8Array): boolean {
  const socket = isNode && res instanceof ServerResponse && bytes.length <= SMALL ? res.socket : null
  if (!socket || socket.writableCorked > 0) return res.write(bytes)
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
  // Held together until here, so that node:http neither corks nor plans an uncork for later.
  socket.cork()
  const room = (res as ServerResponse).write(text, 'latin1')
  socket.uncork()
  return room
}
