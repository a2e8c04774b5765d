// node only: it starts a process of its own
// timeout: 300s
// 1 GiB up and 1 GiB down, with a peer that stalls: without back-pressure both ways the bridge would hold what the peer does not take.
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import http from 'node:http'
import process from 'node:process'
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { freePort, tempDir } from '../kit/bascule.ts'
import { startBridgeProcess } from '../kit/bridge-process.ts'
import { profile, settings } from '../kit/default-profile.ts'
import { startUpstream } from '../kit/upstream.ts'

const GIB = 1024 ** 3
const WARM = 64 * 1024 ** 2
const piece = Buffer.alloc(256 * 1024, 'x')
const skip = process.platform === 'linux' ? false : 'reads /proc'

async function startProcess(t: Test, upstream: string): Promise<{ child: ChildProcess; port: number }> {
  const [port, adminPort] = [await freePort(), await freePort()]
  const dir = tempDir(t, {
    'settings.yaml': settings(`server: { port: ${port}, admin_port: ${adminPort} }`),
    'profiles/audience-bridge.yaml': profile(),
    'routes.yaml': `
services: { api: { base_url: "${upstream}" } }
routes: [{ id: open, path: "/*", target_service: api, preserve_path: true, auth: none }]
`,
  })
  const { child } = await startBridgeProcess(t, dir)
  return { child, port }
}

const rss = (child: ChildProcess) =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) * 1024

/** Takes everything, but stops for a while every 128 MiB. */
async function takeSlowly(source: AsyncIterable<Uint8Array>): Promise<number> {
  let taken = 0
  let next = 128 * 1024 * 1024
  for await (const chunk of source) {
    taken += chunk.length
    if (taken < next) continue
    next += 128 * 1024 * 1024
    await pause(250)
  }
  return taken
}

async function write(to: NodeJS.WritableStream, size = GIB): Promise<void> {
  for (let left = size; left > 0; left -= piece.length) if (!to.write(piece)) await once(to, 'drain')
  to.end()
}

async function growthDuring(child: ChildProcess, work: () => Promise<void>): Promise<number> {
  const before = rss(child)
  let highest = before
  const timer = setInterval(() => {
    highest = Math.max(highest, rss(child))
  }, 20)
  await work().finally(() => clearInterval(timer))
  return Math.round((highest - before) / 1024 / 1024)
}

t.test('1 GiB each way passes with bounded memory', { skip, timeout: 240_000 }, async (t) => {
  let received = 0
  const upstream = await startUpstream(t, async (req, res) => {
    if (req.method === 'GET') {
      res.writeHead(200, { 'content-length': GIB })
      return write(res)
    }
    received = await takeSlowly(req)
    res.end('thanks')
  })
  const { child, port } = await startProcess(t, upstream.url)
  const request = (options: http.RequestOptions) => http.request({ port, host: '127.0.0.1', path: '/big', ...options })
  const warm = request({ method: 'POST', headers: { 'content-length': WARM } })
  const warmed = once(warm, 'response')
  await write(warm, WARM)
  await warmed

  const up = await growthDuring(child, async () => {
    const post = request({ method: 'POST', headers: { 'content-length': GIB } })
    const answer = once(post, 'response') as Promise<[http.IncomingMessage]>
    await write(post)
    t.equal((await answer)[0].statusCode, 200)
  })
  t.equal(received, GIB, 'all of the upload arrived')
  t.ok(up < 64, `upload to a slow backend grew by ${up} MiB`)

  const down = await growthDuring(child, async () => {
    const [response] = (await once(request({}).end(), 'response')) as [http.IncomingMessage]
    t.equal(await takeSlowly(response), GIB, 'all of the download arrived')
  })
  t.ok(down < 64, `download to a slow client grew by ${down} MiB`)
})
