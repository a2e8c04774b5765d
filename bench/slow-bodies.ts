import { Buffer } from 'node:buffer'
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

const piece = Buffer.alloc(256 * 1024, 'x')
const stallEvery = 128 * 1024 ** 2

/** GET: `bytes` as fast as they are taken. Anything else: takes the body slowly, and answers how much it was. */
export async function startBodyPeer(bytes: number): Promise<{ readonly url: string }> {
  const server = http.createServer({ requestTimeout: 0 }, async (req, res) => {
    if (req.method === 'GET') {
      res.writeHead(200, { 'content-length': bytes })
      return give(res, bytes)
    }
    res.end(String(await takeSlowly(req)))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

/** Bytes that the slow service says it got. */
export async function upload(url: string, bytes: number): Promise<number> {
  const request = http.request(url, { method: 'POST', headers: { 'content-length': bytes } })
  const answered = once(request, 'response') as Promise<[http.IncomingMessage]>
  await give(request, bytes)
  const [response] = await answered
  let text = ''
  for await (const chunk of response) text += chunk
  return Number(text)
}

/** Bytes that this slow client got. */
export async function download(url: string): Promise<number> {
  const [response] = (await once(http.get(url), 'response')) as [http.IncomingMessage]
  return takeSlowly(response)
}

async function give(to: NodeJS.WritableStream, bytes: number): Promise<void> {
  for (let left = bytes; left > 0; left -= piece.length) {
    const open = to.write(left >= piece.length ? piece : piece.subarray(0, left))
    if (!open) await once(to, 'drain')
  }
  to.end()
}

/** Stalls for a while every 128 MiB: without back-pressure what lies between would hold what is not taken. */
async function takeSlowly(source: AsyncIterable<Uint8Array>): Promise<number> {
  let taken = 0
  let next = stallEvery
  for await (const chunk of source) {
    taken += chunk.length
    if (taken < next) continue
    next += stallEvery
    await pause(500)
  }
  return taken
}
