// node only: the table is one for both
// What docs/compared.md says of Bascule and of nginx is so. UPDATE=1 writes its table anew, where nginx is installed.
import { readFileSync, writeFileSync } from 'node:fs'
import process from 'node:process'
import t from 'tap'
import { answerWhole, type Compared, compared, comparedUpstream, outcome } from '../kit/compared.ts'
import { nginxVersion, startNginx } from '../kit/nginx.ts'
import { startRawBridge } from '../kit/raw-bridge.ts'

const page = new URL('../../docs/compared.md', import.meta.url)
const version = nginxVersion()
const text = readFileSync(page, 'utf8')
const rows = new Map(
  text
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| ---'))
    .map((line) => line.slice(2, -2).split(' | '))
    .map(([what = '', bascule, nginx]) => [what, { bascule, nginx }]),
)
const named = ({ what }: Compared) => (/^\S*\/(?!\S*\.\d)|%/.test(what) ? `\`${what}\`` : what)

t.test('what Bascule does with each', async (t) => {
  const bridge = await startRawBridge(t, answerWhole, 'timeouts: { headers: 2s, body_idle: 2s, keep_alive: 2s }')
  const saw = new Map<string, string>()
  for (const row of compared) saw.set(named(row), await outcome(bridge.bascule.url, bridge.upstream, row))
  if (process.env.UPDATE !== undefined && version !== undefined) return write(t, saw)
  for (const [what, seen] of saw) t.equal(rows.get(what)?.bascule, seen, what)
})

t.test('what nginx does with each', { skip: process.env.UPDATE ? 'written' : unlike() }, async (t) => {
  for (const [what, seen] of await ofNginx(t)) t.equal(rows.get(what)?.nginx, seen, what)
})

function unlike(): string | false {
  if (version === undefined) return 'there is no nginx here'
  return text.includes(`nginx ${version} `) ? false : `nginx ${version} is not the one of the table`
}

async function ofNginx(t: Parameters<typeof startNginx>[0]): Promise<Map<string, string>> {
  const upstream = await comparedUpstream()
  t.teardown(() => upstream.close())
  const url = await startNginx(t, upstream.url)
  const saw = new Map<string, string>()
  for (const row of compared) saw.set(named(row), await outcome(url, upstream, row))
  return saw
}

async function write(t: Parameters<typeof startNginx>[0], bascule: ReadonlyMap<string, string>): Promise<void> {
  const nginx = await ofNginx(t)
  const table = [...bascule].map(([what, seen]) => `| ${what} | ${seen} | ${nginx.get(what)} |`)
  const head = [`| sent | Bascule | nginx ${version} |`, '| --- | --- | --- |']
  writeFileSync(page, text.replace(/\| sent[\s\S]*?\n(?!\|)/, `${[...head, ...table].join('\n')}\n`))
}
