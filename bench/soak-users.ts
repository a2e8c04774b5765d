// npm run soak -- users [--minutes N --users N --gib N]
// What short tests cannot show: users that click through two services over hundreds of token lifetimes at a provider that punishes every
// reuse of a refresh token, while large bodies pass to and from slow peers. Ends with 1 when a promise was broken.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { startBackend } from '../test/kit/backend.ts'
import { freePort } from '../test/kit/free-port.ts'
import { loginByFetch } from '../test/kit/login.ts'
import { analyticsAudience, crudAudience, startStrictIdp } from '../test/kit/strict-idp.ts'
import { writeBridgeConfig } from './bridge-config.ts'
import { residentMiB, startServer } from './process.ts'
import { download, startBodyPeer, upload } from './slow-bodies.ts'

const { values: flags } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    users: { type: 'string', default: '20' },
    gib: { type: 'string', default: '1' },
  },
})
const until = performance.now() + Number(flags.minutes) * 60_000
const bytes = Number(flags.gib) * 1024 ** 3
const growthLimit = 64

const folder = mkdtempSync(join(tmpdir(), 'bascule-soak-'))
const idp = await startStrictIdp({ accessTokenTtl: 5 })
const analytics = await startBackend({ issuer: idp.issuer, audience: analyticsAudience })
const crud = await startBackend({ issuer: idp.issuer, audience: crudAudience })
const peer = await startBodyPeer(bytes)
const adminPort = await freePort()
const bridge = await startServer({
  ...{ runtime: 'node', core: 0, file: 'core/cli.ts', logFile: join(folder, 'bridge.log') },
  args: (port) => {
    const services = {
      analytics_service: { url: analytics.url, audience: analyticsAudience },
      crud_service: { url: crud.url, audience: crudAudience },
      files: { url: peer.url },
    }
    writeBridgeConfig(join(folder, 'config'), { port, adminPort, idp, services })
    return ['start', '--config', join(folder, 'config')]
  },
})
const url = `http://127.0.0.1:${bridge.port}`

let clicks = 0
let bodies = 0
const broken: string[] = []
const users = Array.from({ length: Number(flags.users) }, (_, i) => user(i % 2 === 0 ? 'ada' : 'bob'))
await pause(5000)
const before = residentMiB(bridge.child.pid)
let highest = before
const watch = setInterval(() => {
  highest = Math.max(highest, residentMiB(bridge.child.pid))
}, 250)
const progress = setInterval(() => console.log(line()), 30_000)
await Promise.all([...users, transfers(upload), transfers(download)])
clearInterval(watch)
clearInterval(progress)
console.log(line())

if (idp.counts.reuse > 0) broken.push(`${idp.counts.reuse} refresh tokens were used twice`)
if (highest - before > growthLimit) broken.push(`memory grew by more than ${growthLimit} MiB`)
for (const what of broken.slice(0, 20)) console.log(`broken: ${what}`)
console.log(broken.length === 0 ? 'every promise held' : `${broken.length} promises broken; log: ${folder}/bridge.log`)
if (broken.length === 0) rmSync(folder, { recursive: true, force: true })
process.exit(broken.length === 0 ? 0 : 1)

function line(): string {
  const left = Math.max(0, Math.round((until - performance.now()) / 1000))
  return (
    `${left} s left: ${clicks} clicks, ${idp.counts.refresh} refreshes, ${idp.counts.reuse} reuses, ${bodies} bodies of ` +
    `${flags.gib} GiB, memory ${Math.round(before)} MiB + ${Math.round(highest - before)}, ${broken.length} broken`
  )
}

/** One browser. Many sessions of the same two people are many grants all the same. */
async function user(name: 'ada' | 'bob'): Promise<void> {
  const browser = await loginByFetch(url, { user: name })
  while (performance.now() < until) {
    for (const service of ['analytics_service', 'crud_service']) {
      const answer = await browser.fetch(`/api/${service}/things`)
      const text = await answer.text()
      clicks += 1
      if (answer.status !== 200) broken.push(`${name} got ${answer.status} from ${service}: ${text.slice(0, 300)}`)
    }
    await pause(Math.random() * 2000)
  }
}

async function transfers(transfer: typeof upload): Promise<void> {
  do {
    const passed = await transfer(`${url}/api/files/big`, bytes)
    bodies += 1
    if (passed !== bytes) broken.push(`${transfer.name} of ${bytes} bytes passed ${passed}`)
  } while (performance.now() < until)
}
