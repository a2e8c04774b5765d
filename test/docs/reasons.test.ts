// node only: it reads a page
import { readFileSync } from 'node:fs'
import t from 'tap'
import { codeOf, passingDetails, reasonDetails, type TokenReason } from '../../plugins/lib/token/reasons.ts'

const page = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8')
const reasons = Object.keys(reasonDetails) as TokenReason[]
const of = (code: ReturnType<typeof codeOf>) => reasons.filter((reason) => codeOf(reason) === code).sort()

t.test('the table of reasons has those of NO_TOKEN_AVAILABLE, all and no others', async (t) => {
  const table = /### NO_TOKEN_AVAILABLE: the reasons\n(.*?)\n##/s.exec(page)?.[1] ?? ''
  const rows = [...table.matchAll(/^\| `(\w+)`/gm)].map(([, reason]) => reason)
  t.same([...new Set(rows)].sort(), of('NO_TOKEN_AVAILABLE'))
})

t.test('the line of AUDIENCE_MISMATCH has its reasons, all of them', async (t) => {
  const line = /^\| `AUDIENCE_MISMATCH`.*$/m.exec(page)?.[0] ?? ''
  for (const reason of of('AUDIENCE_MISMATCH')) t.ok(line.includes(`\`${reason}\``), reason)
})

t.test('what no token at all is had for is on the page, and what is counted has the same words', async (t) => {
  const metrics = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8')
  for (const reason of Object.keys(passingDetails)) {
    t.ok(page.includes(`\`${reason}\` (`), reason)
    t.match(metrics, new RegExp(`bridge_token_mints_total.*\`${reason}\``))
  }
})
