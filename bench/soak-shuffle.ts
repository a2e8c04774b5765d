// npm run soak -- shuffle [--users N --seconds N --ttl N --runtime node|deno]
// 1,000 users of five services, shuffled at full speed for a minute over connections that they share, while their tokens of `ttl` seconds are
// renewed and sessions end in the middle. Ends with 1 when an answer carried another user's subject or another audience.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { freePort } from '../test/kit/free-port.ts'
import { startCrowd } from '../test/kit/shuffle/crowd.ts'
import { brokenBy, shuffle } from '../test/kit/shuffle/shuffle.ts'
import { type Runtime, startServer } from './process.ts'

const { values: flags } = parseArgs({
  options: {
    users: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '60' },
    ttl: { type: 'string', default: '30' },
    runtime: { type: 'string', default: 'node' },
  },
})
const [users, seconds] = [Number(flags.users), Number(flags.seconds)]

const folder = mkdtempSync(join(tmpdir(), 'bascule-shuffle-'))
const crowd = await startCrowd(Number(flags.ttl))
const adminPort = await freePort()
const bridge = await startServer({
  ...{ runtime: flags.runtime as Runtime, core: 0, file: 'core/cli.ts', logFile: join(folder, 'bridge.log') },
  args: (port) => {
    for (const [name, text] of Object.entries(crowd.files(port, adminPort))) {
      mkdirSync(dirname(join(folder, 'config', name)), { recursive: true })
      writeFileSync(join(folder, 'config', name), text)
    }
    return ['start', '--config', join(folder, 'config')]
  },
})
console.log(`${users} users sign in; then ${seconds} s of requests`)
const result = await shuffle(crowd, bridge.port, { users, ms: seconds * 1000, connections: 32, logouts: 10 })

const rows = {
  'served requests': result.served,
  'a second': Math.round(result.served / seconds),
  'tokens renewed': result.renewals,
  'refresh tokens used twice': result.reuses,
  'logouts, each with a new login': result.logouts,
  'refused after a logout': result.refused,
  "another user's or audience's answers": result.mixed.length,
}
for (const [what, value] of Object.entries(rows)) console.log(`${what.padEnd(38)} ${String(value).padStart(9)}`)
for (const [what, count] of result.odd) console.log(`${what.padEnd(38)} ${String(count).padStart(9)}`)
const broken = brokenBy(result)
for (const what of broken) console.log(`broken: ${what}`)
console.log(broken.length === 0 ? 'every promise held' : `log: ${folder}/bridge.log`)
if (broken.length === 0) rmSync(folder, { recursive: true, force: true })
process.exit(broken.length === 0 ? 0 : 1)
