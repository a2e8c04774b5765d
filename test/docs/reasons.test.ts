// node only: it reads a page
import { readFileSync } from 'node:fs'
import t from 'tap'
import { codeOf, reasonDetails, type TokenReason } from '../../plugins/lib/reasons.ts'

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
