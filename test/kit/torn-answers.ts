// An upstream that is reset at a random byte of its answers, and a count of those that looked whole to the client all the same.
import http from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout } from 'node:timers'
import { rawUpstream } from './raw-upstream.ts'

const BODY = 'abcdefghij'.repeat(40)
const pieces = BODY.match(/.{1,37}/g)!
const framings = {
  length: `HTTP/1.1 200 OK\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`,
  chunked: `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${pieces.map((p) => `${p.length.toString(16)}\r\n${p}\r\n`).join('')}0\r\n\r\n`,
  close: `HTTP/1.1 200 OK\r\n\r\n${BODY}`,
} as const
export type Framing = keyof typeof framings

/** `run` asks for answers at `base`, a route to `url`; `counts` says what the client saw: `reset`, `502`, and what looked whole. */
export async function tornAnswers() {
  const upstream = await rawUpstream((text, socket) => answer(text, socket))
  const counts = { answers: 0, lookedWhole: [] as string[], seen: new Map<string, number>() }
  return {
    url: upstream.url,
    counts,
    async run(base: string, count: number): Promise<void> {
      const agent = new http.Agent({ keepAlive: false })
      const next = async (): Promise<void> => {
        while (counts.answers < count) await one(base, agent, counts.answers++)
      }
      await Promise.all(Array.from({ length: 8 }, next))
      agent.destroy()
    },
    open: () => upstream.sockets.filter((socket) => !socket.destroyed).length,
    close: () => upstream.close(),
  }

  async function one(base: string, agent: http.Agent, n: number): Promise<void> {
    const framing = (Object.keys(framings) as Framing[])[n % 3]!
    const whole = framings[framing].length
    // A reset behind the last byte tears nothing where the answer says itself how long it is.
    const cut = Math.floor(Math.random() * (framing === 'close' ? whole + 1 : whole))
    const how = await result(`${base}/${framing}/${cut}`, agent)
    counts.seen.set(how, (counts.seen.get(how) ?? 0) + 1)
    if (how === 'whole') counts.lookedWhole.push(`${framing} cut at ${cut} of ${whole}`)
  }
}

function answer(text: string, socket: Socket): void {
  const [, framing, cut] = /^GET \/(\w+)\/(\d+) HTTP.*\r\n\r\n$/s.exec(text) ?? []
  if (framing === undefined) return
  const reset = () =>
    Number(cut) % 2 === 0 ? socket.resetAndDestroy() : setTimeout(() => socket.resetAndDestroy(), 10)
  const bytes = framings[framing as Framing].slice(0, Number(cut))
  if (bytes === '') reset()
  else socket.write(bytes, reset)
}

function result(url: string, agent: http.Agent): Promise<string> {
  return new Promise((resolve) => {
    http
      .get(url, { agent }, (res) => {
        res.on('data', () => {})
        res.on('end', () => resolve(res.complete && res.statusCode === 200 ? 'whole' : `${res.statusCode}`))
        res.on('error', () => resolve('reset'))
      })
      .on('error', () => resolve('reset'))
  })
}
