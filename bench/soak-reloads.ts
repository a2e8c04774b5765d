// npm run soak -- reloads [N]
// N reloads (1,000) at 300 requests a second with downloads under way. Ends with 1 when a request failed, a download was torn, or heap or
// handles grew: what a shorter run cannot show is a small leak a reload.
import process from 'node:process'
import { reloadStorm } from '../test/kit/reload-storm.ts'

const reloads = Number(process.argv[2] ?? 1_000)
const endings: (() => unknown)[] = []
const result = await reloadStorm({ teardown: (fn) => endings.unshift(fn) }, { reloads, every: 50 })
for (const end of endings) await end()
const kib = Math.round(result.heapGrowth / 1024)
console.log(
  `${result.reloads} reloads, ${result.requests} requests, ${result.failed} failed, ${result.downloads} downloads, ${result.torn} torn, ${result.lost} of ${result.sockets} sockets lost, heap ${kib} KiB, handles ${result.handleGrowth}`,
)
const broken = result.failed > 0 || result.torn > 0 || result.lost > 0 || kib > 16 * 1024 || result.handleGrowth > 24
process.exitCode = broken ? 1 : 0
