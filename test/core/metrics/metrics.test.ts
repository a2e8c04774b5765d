import t from 'tap'
import { defineStage } from '../../../core/index.ts'
import { startBascule as start } from '../../../core/testing/index.ts'
import { startBascule } from '../../kit/bascule.ts'
import { profile, settings } from '../../kit/default-profile.ts'
import { startUpstream } from '../../kit/upstream.ts'

const routes = (id: string, url: string) => `
services: { api: { base_url: "${url}" } }
routes:
  - { id: ${id}, path: "/api/*", target_service: api, preserve_path: true, auth: none }
`

async function textOf(adminUrl: string): Promise<string> {
  const answer = await fetch(`${adminUrl}/metrics`)
  return answer.text()
}

/** A request is counted when its connection has had its last word, a moment after the client has its answer. */
async function until(adminUrl: string, line: string): Promise<string> {
  for (let i = 0; i < 200; i++) {
    const text = await textOf(adminUrl)
    if (text.includes(line)) return text
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  throw new Error(`never told: ${line}\n${await textOf(adminUrl)}`)
}

t.test('requests are counted by route, outcome and status, and go on over a reload', async (t) => {
  const upstream = await startUpstream(t, (req, res) => {
    res.statusCode = req.url === '/api/missing' ? 404 : 200
    res.end('hello')
  })
  const bascule = await startBascule(t, {
    'settings.yaml': settings(),
    'profiles/audience-bridge.yaml': profile(),
    'routes.yaml': routes('one', upstream.url),
  })
  for (const path of ['/api/a', '/api/b', '/api/missing', '/nowhere']) await (await fetch(bascule.url + path)).text()
  await fetch(`${bascule.url}/api/up`, { method: 'POST', body: 'four' })
  const answer = await fetch(`${bascule.adminUrl}/metrics`)
  t.equal(answer.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8')
  const text = await until(bascule.adminUrl, 'bascule_requests_total{route="one",outcome="completed",status="2xx"} 3\n')
  t.match(text, 'bascule_requests_total{route="one",outcome="completed",status="4xx"} 1\n')
  t.match(text, 'bascule_requests_total{route="",outcome="rejected",status="4xx"} 1\n')
  t.match(text, 'bascule_request_duration_seconds_count{route="one"} 4\n')
  t.match(text, 'bascule_response_body_bytes_total{route="one"} 20\n')
  t.match(text, 'bascule_request_body_bytes_total{route="one"} 4\n')
  t.match(text, 'bascule_requests_in_flight 0\n')
  t.match(text, 'bascule_generation 1\n')
  t.match(text, /^process_resident_memory_bytes \d{6,}$/m)

  t.equal(await bascule.reload(), true)
  t.equal(await bascule.reload({ 'routes.yaml': 'routes: 7\n' }), false)
  await (await fetch(`${bascule.url}/api/a`)).text()
  const after = await until(
    bascule.adminUrl,
    'bascule_requests_total{route="one",outcome="completed",status="2xx"} 4\n',
  )
  t.match(after, 'bascule_generation 2\n')
  t.match(after, 'bascule_reloads_total{result="ok"} 1\nbascule_reloads_total{result="rejected"} 1\n')

  t.equal(await bascule.reload({ 'routes.yaml': routes('two', upstream.url) }), true)
  await until(bascule.adminUrl, 'bascule_generations_draining 0\n')
  t.notMatch(await textOf(bascule.adminUrl), 'route="one"', 'a route that is gone takes its numbers along')
})

t.test(
  'a plugin counts under its own name; a removed one takes its numbers along, one that fails is counted',
  async (t) => {
    const cakes = defineStage({
      name: 'cakes',
      setup(host) {
        const eaten = host.metrics.counter({ name: 'eaten_total', help: 'Cakes.' }).labels()
        return () => ({
          run(x) {
            eaten.inc()
            if (x.path === '/odd') throw new Error('odd')
            return x.proceed()
          },
          settled() {
            if (x() > 1) throw new Error('crumbs')
            return undefined
          },
        })
      },
    })
    let calls = 0
    const x = () => ++calls
    const hello = defineStage({
      name: 'hello',
      role: 'terminal',
      setup: () => () => ({ run: (x) => x.reply(200, 'OK') }),
    })
    const files = (stages: string) => ({
      'settings.yaml': 'profile: p\n',
      'profiles/p.yaml': `stages: ${stages}\n`,
      'routes.yaml':
        'services: { a: { base_url: "http://127.0.0.1:9" } }\nroutes: [{ id: r, path: "/*", target_service: a, preserve_path: true, auth: none }]\n',
      'cakes.js': cakes,
      'hello.js': hello,
    })
    const bascule = await start({ files: files('[route-match, ./cakes.js, ./hello.js]') })
    t.teardown(() => bascule.stop())
    for (const path of ['/a', '/odd']) await (await fetch(bascule.url + path)).text()
    const text = await until(bascule.adminUrl, 'bascule_settled_hook_failures_total{stage="./cakes.js"} 1\n')
    t.match(text, 'cakes_eaten_total 2\n')
    t.match(text, 'bascule_stage_faults_total{stage="./cakes.js"} 1\n')
    t.match(await (await fetch(`${bascule.adminUrl}/readyz`)).json(), { settled_failures: { './cakes.js': 1 } })
    await bascule.reload()
    await until(bascule.adminUrl, 'bascule_generations_draining 0\n')
    t.match(await textOf(bascule.adminUrl), 'cakes_eaten_total 2\n')
    await bascule.reload(files('[route-match, ./hello.js]'))
    await until(bascule.adminUrl, 'bascule_generations_draining 0\n')
    t.notMatch(await textOf(bascule.adminUrl), 'cakes_eaten')
  },
)
