// examples/ab-split as its README says it, on both runtimes, with services that take no token but their own.
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { loadConfig } from '../../core/load/load-config.ts'
import { inShare } from '../../examples/ab-split/ab-split.ts'
import { blocksOf, linkPackages, readPage, root } from '../docs/blocks.ts'
import { type TestLike, tempDir } from '../kit/bascule.ts'
import { settings } from '../kit/default-profile.ts'
import { startExample } from '../kit/example.ts'
import { loginByFetch } from '../kit/login.ts'

const readme = readPage('examples/ab-split/README.md')
const block = (title: string) => blocksOf(readme).find(({ info }) => info === `title=${title}`)!.text

function configDir(t: TestLike, files: Readonly<Record<string, string>> = {}): string {
  const dir = tempDir(t, files)
  cpSync(join(root, 'examples/ab-split/ab-split.ts'), join(dir, 'ab-split.ts'))
  linkPackages(dir)
  return dir
}

const profile = block('profiles/split.yaml').replace('crud_next', 'analytics_service')
const routes = (crud: string, analytics: string) => `
services:
  crud_service: { base_url: "${crud}" }
  analytics_service: { base_url: "${analytics}/next", timeout: 5s }
routes:
  - { id: all, path: "/all/*", target_service: crud_service, other_services: [analytics_service], preserve_path: true, stages: { ./ab-split.ts: { share: 100 } } }
  - { id: none, path: "/none/*", target_service: crud_service, other_services: [analytics_service], preserve_path: true, stages: { ./ab-split.ts: { share: 0 } } }
  - { id: half, path: "/half/*", target_service: crud_service, other_services: [analytics_service], preserve_path: true, stages: { ./ab-split.ts: { share: 50 } } }
  - { id: plain, path: "/plain/*", target_service: crud_service, preserve_path: true }
`

for (const runtime of ['node', 'deno'] as const) {
  t.test(`users are split, each with the token of their service, on ${runtime}`, async (t) => {
    const { origin, output } = await startExample(t, runtime, configDir(t), {
      settings: 'profile: split',
      files: ({ crud, analytics }) => ({
        'profiles/split.yaml': profile,
        'routes.yaml': routes(crud.url, analytics.url),
      }),
    })
    const ada = await loginByFetch(origin)
    const went = async (path: string) => {
      const answer = await ada.fetch(path, { headers: { 'x-correlation-id': `to${path.replaceAll('/', '-')}` } })
      const { url, claims } = (await answer.json()) as { url?: string; claims?: { aud: string } }
      return [answer.status, url, claims?.aud]
    }
    t.match(await went('/all/1'), [200, '/next/all/1', /analytics/], 'the path is that of its base_url, too')
    t.match(await went('/none/1'), [200, '/none/1', /crud/])
    t.match(await went('/plain/1'), [200, '/plain/1', /crud/])
    const [first, ...rest] = await Promise.all(Array.from({ length: 8 }, () => went('/half/1')))
    for (const other of rest) t.same(other, first, 'sticky')
    t.match(
      output(),
      /"service":"analytics_service"[^\n]*"path":"\/all\/1"[^\n]*token_found=True service=analytics_service/,
    )
    t.match(output(), /"service":"crud_service"[^\n]*"path":"\/none\/1"[^\n]*token_found=True service=crud_service/)
  })
}

async function problemsOf(t: TestLike, files: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const dir = configDir(t, {
    'settings.yaml': settings('profile: split').replace(
      /^service_audiences.*$/m,
      'service_audiences: { crud_service: "https://crud.example", crud_next: "https://next.example" }',
    ),
    'profiles/audience-bridge.yaml': readPage('config/profiles/audience-bridge.yaml'),
    'profiles/split.yaml': block('profiles/split.yaml'),
    'routes.yaml': block('routes.yaml'),
    ...files,
  })
  return (await loadConfig({ dir, env: {} })).report.problems.map(({ message }) => message)
}

t.test('the config of the page loads, and its mistakes are told', async (t) => {
  t.same(await problemsOf(t, {}), [])
  const late = block('profiles/split.yaml').replace('after: session-auth', 'after: token-resolve')
  t.same(await problemsOf(t, { 'profiles/split.yaml': late }), [
    'stage token-resolve wants the slot service, but ./ab-split.ts, which provides it, stands after it; move ./ab-split.ts before token-resolve',
  ])
  const unlisted = block('routes.yaml').replace('[crud_next]', '[crud_service]')
  t.same(await problemsOf(t, { 'routes.yaml': unlisted }), [
    'route crud: would be split to crud_next, which is not among its other_services; add it there (stage ./ab-split.ts)',
  ])
  const misspelt = block('routes.yaml').replace('[crud_next]', '[crud_next, crud_nex]')
  t.same(await problemsOf(t, { 'routes.yaml': misspelt }), [
    'other_services crud_nex is not in services (did you mean "crud_next"?)',
  ])
})

t.test('the share is what it says, and who is in stays in as it grows', async (t) => {
  const keys = Array.from({ length: 20_000 }, (_, i) => `crud user-${i}`)
  const few = keys.filter((key) => inShare(key, 10))
  t.ok(Math.abs(few.length / keys.length - 0.1) < 0.01)
  t.ok(few.every((key) => inShare(key, 20)))
  t.same([keys.some((key) => inShare(key, 0)), keys.every((key) => inShare(key, 100))], [false, true])
})
