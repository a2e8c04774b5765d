// The two tables of docs/write-a-plugin.md: each mistake is made, and the message must be the one the page prints.
import t from 'tap'
import { loadConfig } from '../../core/load/load-config.ts'
import { BasculeServer } from '../../core/server/server.ts'
import { startBascule, tempDir } from '../kit/bascule.ts'
import { linkPackages, readPage, rowsOf } from './blocks.ts'

const page = readPage('docs/write-a-plugin.md')

const settings = `profile: p
auth: { issuer: 'http://localhost:1', client_id: c, client_secret: s }
service_audiences: { api: 'https://api.example.com' }
`
const routes = `services:
  api: { base_url: 'http://127.0.0.1:1' }
routes:
  - { id: api, path: /api/*, target_service: api, upstream_path: '/{path}' }
  - { id: spa, path: /*, target_service: api, upstream_path: '/{path}', auth: none }
`

/** What setup makes is known once it ran: nothing that `check` could see. */
const setUp: Readonly<Record<string, string>> = {
  'a misspelt hook (when it is set up)': '() => ({ run: (x) => x.proceed(), respones() {} })',
  'an `async` hook (when it is set up)': '() => ({ run: (x) => x.proceed(), async response() {} })',
  'an `async` function out of `setup` (when it is set up)': 'async () => ({ run: (x) => x.proceed() })',
}

interface Written {
  /** What stands in defineStage({…}) beside the name. */
  readonly stage?: string
  readonly source?: string
  readonly stages?: string
}

const plain = 'setup: () => () => ({ run: (x) => x.proceed() })'

function filesOf({
  stage = plain,
  source = `export default ({ defineStage }) => defineStage({ name: 's', ${stage} })`,
  stages = 'route-match, ./s.ts, session-auth, token-resolve, header-inject, forward',
}: Written): Record<string, string> {
  return {
    'settings.yaml': settings,
    'routes.yaml': routes,
    'profiles/p.yaml': `stages: [${stages}]\n`,
    's.ts': source,
  }
}

const refused: Readonly<Record<string, Written>> = {
  'before the router': { stages: './s.ts, route-match, session-auth, token-resolve, header-inject, forward' },
  'before the stage that gives its slot': { stage: `needs: ['session'], ${plain}` },
  'a slot that nobody gives': { stage: `needs: ['acme/quota'], ${plain}` },
  'a slot that another stage gives': {
    stage: `provides: ['session'], ${plain}`,
    stages: 'route-match, session-auth, ./s.ts, token-resolve, header-inject, forward',
  },
  'a slot that is not given on every route': {
    stage: `needs: ['session'], ${plain}`,
    stages: 'route-match, session-auth, ./s.ts, token-resolve, header-inject, forward',
  },
  'after the terminal stage': { stages: 'route-match, session-auth, token-resolve, header-inject, forward, ./s.ts' },
  'listed twice': { stages: 'route-match, ./s.ts, ./s.ts, session-auth, token-resolve, header-inject, forward' },
  'options where there are none': {
    stages: 'route-match, {use: ./s.ts, with: {a: 1}}, session-auth, token-resolve, header-inject, forward',
  },
  'a misspelt key of the definition': { stage: `need: ['route'], ${plain}` },
  'a slot misspelt': {
    stage: `needs: ['sesion'], ${plain}`,
    stages: 'route-match, session-auth, ./s.ts, token-resolve, header-inject, forward',
  },
  'names that are no list': { stage: `needs: 'route', ${plain}` },
  'options that are no schema': { stage: `options: { limit: 1 }, ${plain}` },
  'a file that is not there': { stages: 'route-match, ./t.ts, session-auth, token-resolve, header-inject, forward' },
  'no default export': { source: 'export const stage = 1' },
  'a built-in misspelt': { stages: 'route-match, session-auth, token-resolve, header-inject, foward' },
  'a wrong option': {
    source: `import { z } from 'zod'
export default ({ defineStage }) =>
  defineStage({ name: 's', options: z.strictObject({ limit: z.number().optional() }), ${plain} })`,
    stages: 'route-match, {use: ./s.ts, with: {limt: 1}}, session-auth, token-resolve, header-inject, forward',
  },
}

t.test('what is refused when config is loaded', async (t) => {
  const rows = rowsOf(page, 'What is refused when config is loaded')
  t.same(
    rows.map(([mistake]) => mistake).sort(),
    [...Object.keys(refused), ...Object.keys(setUp)].sort(),
    'every row is tried',
  )
  for (const [mistake = '', message = ''] of rows) {
    if (mistake in setUp) continue
    const dir = tempDir(t, filesOf(refused[mistake]!))
    linkPackages(dir)
    const { report } = await loadConfig({ dir, env: {} })
    const said = report.problems.map((problem) => problem.message.replaceAll(`${dir}/`, ''))
    t.ok(said.includes(unquoted(message)), `${mistake}: ${said.join(' | ')}`)
  }
})

t.test('hooks that cannot be are refused when the stage is set up', async (t) => {
  for (const [mistake = '', message = ''] of rowsOf(page, 'What is refused when config is loaded')) {
    if (!(mistake in setUp)) continue
    const dir = tempDir(t, filesOf({ stage: `setup: () => ${setUp[mistake]}` }))
    const start = () => BasculeServer.start({ dir, env: {}, port: 0, adminPort: 0 })
    await t.rejects(start, { message: unquoted(message) }, mistake)
  }
})

const denied: Readonly<Record<string, string>> = {
  '`run` returns nothing': 'setup: () => () => ({ run() {} })',
  '`run` returns `true`': 'setup: () => () => ({ run: () => true })',
  'a denial that was said, but not returned':
    "setup: () => () => ({ run(x) { x.reply(403, 'FORBIDDEN'); return x.proceed() } })",
  'a promised slot left out': "provides: ['acme/quota'], setup: () => () => ({ run: (x) => x.proceed({}) })",
  'a slot that was not promised': "setup: () => () => ({ run: (x) => x.proceed({ 'acme/quota': 1 }) })",
  'a slot that is not in `needs` or `wants`': "setup: () => () => ({ run: (x) => (x.peek('session'), x.proceed()) })",
  'no verdict in time': 'timeout: 20, setup: () => () => ({ run: () => new Promise(() => {}) })',
}

t.test('what is a 500 when a request comes', async (t) => {
  const rows = rowsOf(page, 'What is a 500 when a request comes')
  t.same(rows.map(([mistake]) => mistake).sort(), Object.keys(denied).sort(), 'every row is tried')
  for (const [mistake = '', message = ''] of rows) {
    const bascule = await startBascule(t, filesOf({ stage: denied[mistake]! }), { env: {} })
    const answer = await fetch(`${bascule.url}/`)
    t.equal(answer.status, 500, mistake)
    t.match(await answer.json(), { code: 'INTERNAL', detail: 'Internal error' }, 'without a word about why')
    const { err } = await bascule.line(({ msg }) => msg === 'stage_failed')
    t.equal((err as { message: string }).message, unquoted(message), mistake)
    await bascule.stop()
  }
})

function unquoted(cell = ''): string {
  return cell.replace(/^`(.*)`$/, '$1')
}
