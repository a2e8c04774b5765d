// What no type can catch: a stage that says no verdict, two, or somebody else's denies the request, and is told once.
import t from 'tap'
import type { Outcome } from '../../core/index.ts'
import { startBascule } from '../kit/bascule.ts'

const files = {
  'settings.yaml': 'profile: odd\n',
  'routes.yaml': `
services: { any: { base_url: "http://127.0.0.1:9" } }
routes: [{ id: all, path: "/*", target_service: any, preserve_path: true, auth: none }]
`,
  'profiles/odd.yaml': 'stages: [./router.ts, ./odd.ts, ./after.ts, ./answer.ts, ./spy.ts]\n',
  'router.ts': `export default ({ defineStage }) => defineStage({
    name: 'router', role: 'router', provides: ['route'],
    setup: (host) => ({ run: (x) => x.path === '/nowhere' ? x.reply(404, 'ROUTE_NOT_FOUND') : x.proceed({ route: host.routes[0] }) }),
  })`,
  'odd.ts': `let kept; export default ({ defineStage }) => defineStage({
    name: 'odd', provides: ['odd'], timeout: 50,
    setup: () => () => ({ run(x) { switch (x.path) {
      case '/throws': throw new Error('secret-in-the-error')
      case '/rejects': return Promise.reject(new Error('secret-in-the-error'))
      case '/nothing': return
      case '/true': return true
      case '/later-nothing': return Promise.resolve()
      case '/never': return new Promise(() => {})
      case '/unreturned': x.reply(403, 'FORBIDDEN'); return x.proceed({ odd: 1 })
      case '/twice': x.proceed({ odd: 1 }); return x.proceed({ odd: 2 })
      case '/keeps': return (kept = x.proceed({ odd: 1 }))
      case '/foreign': return kept
      case '/missing': return x.proceed({})
      case '/extra': return x.proceed({ odd: 1, route: {} })
      case '/undeclared': x.peek('session'); return x.proceed({ odd: 1 })
      case '/streams': return x.stream({ start() {}, room() {}, stop() {} })
      case '/denies': return x.reply(403, 'FORBIDDEN', { reason: 'because' })
      default: return x.proceed({ odd: 1 })
    } } }),
  })`,
  'after.ts': `export default ({ defineStage }) => defineStage({ name: 'after', needs: ['odd'],
    setup: () => () => ({ run: (x) => x.path === '/stale' ? x.get('odd') && Promise.resolve().then(() => x.proceed()) : x.proceed() }) })`,
  'answer.ts': `export default ({ defineStage }) => defineStage({ name: 'answer', role: 'terminal',
    setup: () => () => ({ run(x) { globalThis.reached = (globalThis.reached ?? 0) + 1; return x.reply(200, 'OK', { body: 'reached' }) } }) })`,
  'spy.ts': `export default ({ defineStage }) => defineStage({ name: 'spy', role: 'observer',
    setup: () => ({ settled(x, outcome) { (globalThis.endings ??= []).push({ path: x.path, outcome }) } }) })`,
}

const shared = globalThis as { reached?: number; endings?: { path: string; outcome: Outcome }[] }

t.test('anything but one verdict, said here and now and returned, is 500 and never goes on', async (t) => {
  const bascule = await startBascule(t, files)
  const wrong = [
    '/throws',
    '/rejects',
    '/nothing',
    '/true',
    '/later-nothing',
    '/never',
    '/unreturned',
    '/twice',
    '/missing',
    '/extra',
    '/undeclared',
    '/streams',
  ]
  await fetch(`${bascule.url}/keeps`)
  shared.reached = 0
  shared.endings = []
  for (const path of [...wrong, '/foreign']) {
    const answer = await fetch(bascule.url + path)
    const problem = (await answer.json()) as { code: string }
    t.equal(answer.status, 500, path)
    t.equal(problem.code, 'INTERNAL', path)
    t.notMatch(JSON.stringify(problem), /secret-in-the-error/)
    const told = shared.endings.filter((e) => e.path === path)
    t.equal(told.length, 1, `${path} is settled once`)
    t.match(told[0]?.outcome, { result: 'failed', status: 500, stage: 'odd', code: 'INTERNAL' })
  }
  t.equal(shared.reached, 0, 'nothing reached the terminal stage')
  t.equal(bascule.lines.filter((l) => l.msg === 'stage_failed').length, wrong.length + 1, 'each told once')
})

t.test('a denial is a rejection, not a failure', async (t) => {
  const bascule = await startBascule(t, files)
  shared.endings = []
  const answer = await fetch(`${bascule.url}/denies`)
  t.match(await answer.json(), { status: 403, code: 'FORBIDDEN', reason: 'because', route: 'all', service: 'any' })
  t.match(shared.endings, [
    { outcome: { result: 'rejected', status: 403, stage: 'odd', code: 'FORBIDDEN', reason: 'because' } },
  ])
})

t.test('what no route takes is settled too', async (t) => {
  const bascule = await startBascule(t, files)
  shared.endings = []
  t.equal((await fetch(`${bascule.url}/nowhere`)).status, 404)
  t.match(shared.endings, [{ outcome: { result: 'rejected', status: 404, stage: 'router', code: 'ROUTE_NOT_FOUND' } }])
})

t.test('misspelt hooks and keys are refused at load', async (t) => {
  const withStage = (text: string) => ({
    ...files,
    'odd.ts': `export default ({ defineStage }) => defineStage({ name: 'odd', provides: ['odd'], ${text} })`,
  })
  await t.rejects(
    startBascule(t, withStage('setup: () => () => ({ run(x) { return x.proceed({ odd: 1 }) }, setled() {} })')),
    /setled.*settled/,
  )
  await t.rejects(startBascule(t, withStage('provide: [], setup: () => () => ({ run(x) {} })')), /provide.*provides/)
  await t.rejects(startBascule(t, withStage('setup: () => () => ({ response() {} })')), /run/)
})
