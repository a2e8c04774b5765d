// Every demand and every advisory has a case here, or a row in test/README.md that says where it is or why there is none.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { demands } from './demands.ts'

const here = new URL('./', import.meta.url)
const files = readdirSync(here).filter((file) => file.endsWith('.test.ts') && file !== 'accounted.test.ts')
const cases = files.map((file) => readFileSync(new URL(file, here), 'utf8')).join('\n')
const readme = readFileSync(new URL('../README.md', here), 'utf8')

function inText(text: string, id: string): boolean {
  return new RegExp(`(?<![\\w-])${id.replace('.', '\\.')}(?!\\d)`).test(text)
}

t.test('every id has a case or a row', async (t) => {
  const without = demands.filter(([id]) => !inText(cases, id) && !inText(readme, id))
  t.same(without, [])
})

t.test('no id stands twice in the list', async (t) => {
  t.equal(new Set(demands.map(([id]) => id)).size, demands.length)
})

t.test('every file that the rows name is there', async (t) => {
  for (const [, file] of readme.matchAll(/\]\(([^)#]+)\)/g)) t.ok(existsSync(new URL(`../${file}`, here)), `${file}`)
})
