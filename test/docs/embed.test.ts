// docs/embed.md: its programs compile, the wrong one with the error it prints, and its table has every option.
import { join } from 'node:path'
import t from 'tap'
import ts from 'typescript'
import { blocksOf, readPage, root, rowsOf } from './blocks.ts'
import { compile } from './typecheck.ts'

const page = readPage('docs/embed.md')
const blocks = blocksOf(page)

t.test('the programs of the page compile, and the wrong one says what it prints', async (t) => {
  const programs = blocks.filter(({ language }) => language === 'ts')
  const files = Object.fromEntries(programs.map(({ info, text }) => [join(root, info.replace('title=', '')), text]))
  t.same(Object.keys(files).length, 4)
  const [error = '', ...others] = compile(files)
  t.same(others, [])
  t.match(error, /^wrong\.ts:4 /)
  t.ok(error.includes(blocks.find(({ language }) => language === 'text')!.text.trim()), error)
})

t.test('every option has its row', async (t) => {
  const path = 'core/embed/options.ts'
  const source = ts.createSourceFile(path, readPage(path), ts.ScriptTarget.Latest)
  const config = source.statements.find((node) => ts.isInterfaceDeclaration(node) && node.name.text === 'BasculeConfig')
  const keys = (config as ts.InterfaceDeclaration).members.map((member) => (member.name as ts.Identifier).text)
  t.same(
    rowsOf(page, 'Options').map(([option]) => option),
    keys.map((key) => `\`${key}\``),
  )
})
