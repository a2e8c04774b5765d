// docs/metrics.md: every number of the default profile has its row, with its type and labels, and no row is of nothing.
import { join } from 'node:path'
import t from 'tap'
import { startBridge } from '../kit/bridge.ts'
import { loginByFetch } from '../kit/login.ts'
import { blocksOf, readPage, root, rowsOf } from './blocks.ts'
import { compile } from './typecheck.ts'

const page = readPage('docs/metrics.md')

async function until(url: string, ...wanted: RegExp[]): Promise<string> {
  for (let i = 0; i < 400; i++) {
    const text = await (await fetch(`${url}/metrics`)).text()
    if (wanted.every((each) => each.test(text))) return text
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  throw new Error(`never told: ${wanted.join(' ')}\n${await (await fetch(`${url}/metrics`)).text()}`)
}

t.test('a login, a call and a logout are counted, under the names of the page', async (t) => {
  const { bascule, origin } = await startBridge(t)
  const ada = await loginByFetch(origin)
  t.equal((await ada.fetch('/api/v1/analytics/x')).status, 200)
  await ada.fetch('/auth/logout', { method: 'POST', headers: { origin } })
  const text = await until(
    bascule.adminUrl,
    /^bridge_token_mints_total\{service="analytics_service",result="ok"\} 1$/m,
    /^idp_request_duration_seconds_count\{operation="code",result="ok"\} 1$/m,
    /^sessions_opened_total 1$/m,
    /^sessions_ended_total\{reason="logout"\} 1$/m,
    /^forward_requests_total\{service="analytics_service",result="2xx"\} 1$/m,
    /^bascule_requests_total\{route="analytics",outcome="completed",status="2xx"\} 1$/m,
  )
  const told = new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, kind]) => [name!, kind!]))
  const rows = rowsOf(page, 'What is counted').map((cells) => cells.map((cell) => cell.replaceAll('`', '')))
  const listed = new Map(rows.map(([name, kind]) => [name!, kind!]))
  if (!told.has('process_open_fds')) listed.delete('process_open_fds') // not on Linux
  t.same(Object.fromEntries([...told].sort()), Object.fromEntries([...listed].sort()))
  for (const [name, , labels] of rows) {
    const sets = [...text.matchAll(new RegExp(`^${name}(?:_count)?\\{(.*)\\} `, 'gm'))]
    for (const [, set] of sets) {
      const names = [...set!.matchAll(/(\w+)="/g)].map(([, label]) => label)
      t.equal(names.join(', '), labels, `labels of ${name}`)
    }
  }
})

t.test('the plugin of the page compiles', async (t) => {
  const block = blocksOf(page).find(({ info }) => info === 'title=cakes.ts')!
  t.same(compile({ [join(root, 'cakes.ts')]: block.text }), [])
})
