// timeout: 120s
// A team that generates its routes has thousands, and changes them while users work.
import { once } from 'node:events'
import http, { type IncomingMessage } from 'node:http'
import process from 'node:process'
import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { startBascule } from '../kit/bascule.ts'
import { profile, settings } from '../kit/default-profile.ts'

const COUNT = 10_000

/** Every tenth says more than plain lines can. */
function routesYaml(host: string): string {
  const routes = Array.from({ length: COUNT }, (_, i) => {
    const more = i % 10 === 0 ? `    hosts: ["${host}"]\n` : ''
    return `  - id: route-${i}\n    path: /area_${i % 100}/thing_${i}/*\n    target_service: api\n    preserve_path: true\n${more}`
  })
  return `services:\n  api: { base_url: "http://127.0.0.1:9" }\nroutes:\n${routes.join('')}`
}

/** Processor time of the longest turn of the loop while `work` goes on: what other programs take of the machine is not in it. */
async function longestTurn(work: Promise<unknown>): Promise<number> {
  let going = true
  const done = work.finally(() => {
    going = false
  })
  let longest = 0
  for (let before = spent(); going; ) {
    await turn()
    const now = spent()
    longest = Math.max(longest, now - before)
    before = now
  }
  await done
  return longest
}

function spent(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

async function statusOf(url: URL, host: string): Promise<number | undefined> {
  const [response] = (await once(http.get(url, { headers: { host } }), 'response')) as [IncomingMessage]
  response.resume()
  return response.statusCode
}

t.test('a reload of ten thousand routes lets requests in between', async (t) => {
  const files = (host: string) => ({ 'routes.yaml': routesYaml(host) })
  const bridge = await startBascule(t, {
    'settings.yaml': settings(),
    'profiles/audience-bridge.yaml': profile(),
    ...files('a.example'),
  })
  const found = (host: string) => statusOf(new URL('/area_0/thing_100/x', bridge.url), host)
  t.same([await found('a.example'), await found('b.example')], [401, 404])
  const ms = await longestTurn(bridge.reload(files('b.example')))
  t.same([await found('a.example'), await found('b.example')], [404, 401], 'and they are the new ones')
  // Tens of milliseconds, collections included; the YAML parser alone would take most of a second.
  t.ok(ms < 400, `the longest turn of the loop took ${Math.round(ms)} ms`)
})
