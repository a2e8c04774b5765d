// docs/configuration.md, "Log lines": every word that the program logs is there, and none that it does not.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import ts from 'typescript'
import { loadConfig } from '../../core/load/load-config.ts'
import { tempDir } from '../kit/bascule.ts'
import { blocksOf, readPage, root, rowsOf } from './blocks.ts'

const page = readPage('docs/configuration.md')
const sources = ['core', 'plugins'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !/(^|\/)(testing|plugin-new)\//.test(name))
    .map((name) => readFileSync(join(root, folder, name), 'utf8')),
)

function* nodesOf(node: ts.Node): Generator<ts.Node> {
  yield node
  for (const child of node.getChildren()) yield* nodesOf(child)
}

/** Texts in the message of `log.warn(fields, message)`, wherever in it they stand. */
function messagesOf(source: string): string[] {
  return [...nodesOf(ts.createSourceFile('x.ts', source, ts.ScriptTarget.Latest, true))].flatMap((node) => {
    if (!ts.isCallExpression(node) || !/(\blog|#log)[\])'"]*(\.\w+|\[.*\])$/i.test(node.expression.getText())) return []
    const message = node.arguments[1]
    if (!message) return []
    return [...nodesOf(message)].flatMap((n) =>
      ts.isStringLiteralLike(n) || ts.isTemplateHead(n) ? [...n.text.matchAll(/^[a-z]+(?:_[a-z0-9]+)+/g)].flat() : [],
    )
  })
}

t.test('every word that is logged is on the page', async (t) => {
  const logged = new Set(sources.flatMap(messagesOf))
  t.ok(
    logged.has('config_reloaded') && logged.has('pdp_unavailable') && logged.has('login_refused_by_idp'),
    'seen at all',
  )
  t.same(
    [...logged].filter((word) => !page.includes(`\`${word}`)),
    [],
  )
})

t.test('every word on the page is in the code', async (t) => {
  const rows = [...rowsOf(page, 'Log lines'), ...rowsOf(page, 'Reload')]
  const words = rows.flatMap(([cell = '']) => [...cell.matchAll(/`([a-z]+(?:_[a-z0-9]+)+)/g)].map(([, word]) => word!))
  t.ok(words.length > 20)
  t.same(
    words.filter((word) => !sources.some((source) => source.includes(word))),
    [],
  )
})

t.test('the sink that the page shows is taken', async (t) => {
  const { text } = blocksOf(page).find(({ text }) => text.includes('sink:'))!
  const dir = tempDir(t, {
    'settings.yaml': readPage('config/settings.yaml'),
    'routes.yaml': readPage('config/routes.yaml'),
    'profiles/audience-bridge.yaml': text,
  })
  const { report } = await loadConfig({ dir, env: {} })
  t.same(
    report.problems.map(({ message }) => message),
    [],
  )
})
