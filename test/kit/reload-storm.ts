// Reloads while requests and downloads are under way. The test runs a short one, `npm run soak -- reloads` a thousand.
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import process from 'node:process'
import { setTimeout as passed } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { startBascule, type TestLike } from './bascule.ts'
import { profile, settings } from './default-profile.ts'
import { startUpstream } from './upstream.ts'
import { openSocket, type SocketClient, startSocketService } from './websocket.ts'

interface StormResult {
  readonly reloads: number
  readonly requests: number
  readonly failed: number
  readonly downloads: number
  readonly torn: number
  /** WebSockets that were open from before the first reload, and those of them that did not answer after the last. */
  readonly sockets: number
  readonly lost: number
  /** Growth from a third of the way to the end, each at rest and after a collection; bytes and counts. */
  readonly heapGrowth: number
  readonly handleGrowth: number
}

const pieces = 40
const pieceBytes = 16 * 1024

export async function reloadStorm(
  t: TestLike,
  { reloads = 60, perSecond = 300, every = 100, sockets = 5 } = {},
): Promise<StormResult> {
  const upstream = await startUpstream(t, serve, { keep: false })
  const live = await startSocketService(t)
  const files = {
    // What is captured of the log would count as heap.
    'settings.yaml': settings('server: { drain_timeout: 10s }\nlog: { level: error }'),
    'profiles/audience-bridge.yaml': profile(),
    'routes.yaml': routes(upstream.url, live.url, 0),
  }
  const bascule = await startBascule(t, files)
  const counts = { requests: 0, failed: 0, downloads: 0, torn: 0 }
  const open = await Promise.all(Array.from({ length: sockets }, () => openSocket(t, `${bascule.url}/live`)))
  const quiet = handles()

  const storm = async (from: number, to: number) => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 32 })
    let over = false
    const load = Promise.all([
      steady(bascule.url, agent, perSecond, counts, () => over),
      ...[1, 2, 3].map(() => downloads(bascule.url, counts, () => over)),
    ])
    for (let i = from; i <= to; i++) {
      bascule.write({ 'routes.yaml': routes(upstream.url, live.url, i) })
      if (!(await bascule.server.reload())) counts.failed++
      await passed(every)
    }
    over = true
    await load
    agent.destroy()
    return await atRest(quiet)
  }
  const third = Math.ceil(reloads / 3)
  const early = await storm(1, third)
  const late = await storm(third + 1, reloads)
  const lost = (await Promise.all(open.map(answers))).filter((answered) => !answered).length
  return {
    sockets,
    lost,
    reloads,
    ...counts,
    heapGrowth: late.heap - early.heap,
    handleGrowth: late.handles - early.handles,
  }
}

async function serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
  if (req.url !== '/download') return void res.end('fine')
  for (let i = 0; i < pieces; i++) {
    res.write(Buffer.alloc(pieceBytes))
    await passed(20) // longer than several generations live
  }
  res.end()
}

async function answers({ socket, message }: SocketClient): Promise<boolean> {
  if (socket.readyState !== socket.OPEN) return false
  socket.send('still here')
  return (await message()) === 'still here'
}

function routes(url: string, live: string, n: number): string {
  return `services: { api: { base_url: "${url}", idle_timeout: ${60 + (n % 2)}s }, live: { base_url: "${live}" } }
routes:
  - { id: open, description: "reload ${n}", path: "/*", target_service: api, upstream_path: "/{path}", auth: none }
  - { id: live, path: "/live", target_service: live, upstream_path: "/", auth: none, websocket: true }
`
}

async function steady(
  url: string,
  agent: http.Agent,
  perSecond: number,
  counts: { requests: number; failed: number },
  over: () => boolean,
) {
  const under: Promise<void>[] = []
  const started = performance.now()
  for (let sent = 0; !over(); ) {
    const due = ((performance.now() - started) / 1000) * perSecond
    while (sent < due) {
      sent++
      counts.requests++
      under.push(ask(`${url}/x`, agent).then((whole) => void (whole || counts.failed++)))
    }
    if (under.length > 1_000) await Promise.all(under.splice(0, 500))
    await passed(5)
  }
  await Promise.all(under)
}

async function downloads(url: string, counts: { downloads: number; torn: number }, over: () => boolean) {
  while (!over()) {
    counts.downloads++
    if (!(await ask(`${url}/download`, false, pieces * pieceBytes))) counts.torn++
  }
}

function ask(url: string, agent: http.Agent | false, bytes?: number): Promise<boolean> {
  return new Promise((resolve) => {
    const request = http.get(url, { agent }, (res) => {
      let size = 0
      res.on('data', (piece: Buffer) => {
        size += piece.length
      })
      res.on('error', () => resolve(false))
      res.on('close', () => resolve(res.complete && res.statusCode === 200 && (bytes === undefined || size === bytes)))
    })
    request.on('error', () => resolve(false))
  })
}

/** How many connections a load has at one moment is chance. Once it is over, kept connections are closed after seconds; leaked ones are not. */
async function atRest(quiet: number): Promise<{ heap: number; handles: number }> {
  for (let looks = 0; handles() > quiet + 2 && looks < 150; looks++) await passed(100)
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  collect()
  return { heap: process.memoryUsage().heapUsed, handles: handles() }
}

function handles(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind !== 'Timeout' && kind !== 'Immediate').length
}
