// What reviewers forget, a test does not: who imports whom, names, words that must not appear, docs that must be complete.
import { readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join, posix, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import ts from 'typescript'
import { type ErrorCode, errorCodes, statusOf } from '../core/errors.ts'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const folders = ['core', 'plugins', 'config', 'test', 'docs', 'bench', 'examples', '.ci']
const files = folders.flatMap(filesUnder)
const sources = files.filter((file) => file.endsWith('.ts'))
const product = sources.filter((file) => /^(core|plugins)\//.test(file))

function filesUnder(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'))
}

function read(file: string): string {
  return readFileSync(join(root, file), 'utf8')
}

/** Every node of a file, in order. */
function* nodesOf(file: string): Generator<ts.Node> {
  const queue: ts.Node[] = [ts.createSourceFile(file, read(file), ts.ScriptTarget.Latest, true)]
  for (let node = queue.pop(); node; node = queue.pop()) {
    yield node
    ts.forEachChild(node, (child) => void queue.push(child))
  }
}

/** The module a node imports: `import`, `export from`, `import()` and `typeof import()`; not a `declare module`, which adds words to a contract. */
function specifierOf(node: ts.Node): ts.Node | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return node.moduleSpecifier
  if (ts.isImportTypeNode(node)) return ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) return node.arguments[0]
  return undefined
}

/** Paths from the root, for imports that name a file; packages as they are written. */
function importsOf(file: string): string[] {
  return [...nodesOf(file)].flatMap((node) => {
    const specifier = specifierOf(node)
    if (!specifier || !ts.isStringLiteralLike(specifier)) return []
    return specifier.text.startsWith('.') ? posix.join(posix.dirname(file), specifier.text) : specifier.text
  })
}

/** `FILE → IMPORT` for every import of the files under `prefix` that the rule does not allow. */
function offences(prefix: string, allowed: (imported: string, file: string) => boolean): string[] {
  return sources
    .filter((file) => file.startsWith(prefix))
    .flatMap((file) =>
      importsOf(file)
        .filter((imported) => !allowed(imported, file))
        .map((imported) => `${file} → ${imported}`),
    )
}

const isFile = (imported: string) => /^\.{0,2}\/|\.ts$/.test(imported)

t.test('layers', async (t) => {
  t.ok(importsOf('core/index.ts').includes('core/define.ts'), 'imports are seen at all')
  t.same(
    offences('core/', (imported) => !isFile(imported) || imported.startsWith('core/')),
    [],
    'core/ imports itself and packages',
  )
  t.same(
    offences('plugins/', (imported, file) => {
      if (!isFile(imported) || file === 'plugins/index.ts') return true
      // The test kit is no plugin: it builds on core's.
      if (file.startsWith('plugins/testing/') && /^(core|plugins)\/testing\//.test(imported)) return true
      return /^(core\/index\.ts$|plugins\/lib\/)/.test(imported)
    }),
    [],
    'plugins/ import core/index.ts and plugins/lib/: no plugin knows another, and plugins/index.ts only gathers them',
  )
  const oauth = /^(openid-client|oidc-provider|jose|node-cache)$/
  t.same(
    offences('core/', (imported) => !oauth.test(imported)),
    [],
    'core/ knows nothing of OAuth and sessions',
  )
})

t.test('words', async (t) => {
  t.ok(mentions('core/', /\bDeno\b/).length <= 1, 'one file of core/ at most knows Deno', {
    found: mentions('core/', /\bDeno\b/),
  })
  t.same(mentions('', /(?<!\w)\/(work|root|home|Users)\//), [], 'no file names a path of one machine')
  t.same(mentions('', /@ts-(ignore|nocheck)/), [], 'nothing silences the compiler')
})

/** Files whose text matches; this one, which names the words, left out. */
function mentions(prefix: string, words: RegExp): string[] {
  return files.filter((file) => {
    if (!file.startsWith(prefix) || file === 'test/house-rules.test.ts' || file.endsWith('.png')) return false
    return words.test(read(file))
  })
}

t.test('core and plugins never say any', async (t) => {
  const typed = product.filter((file) => file !== 'core/contract.ts')
  t.same(typed.flatMap(anysOf), [], 'outside the generic defaults of core/contract.ts')
})

function anysOf(file: string): string[] {
  return [...nodesOf(file)]
    .filter((node) => node.kind === ts.SyntaxKind.AnyKeyword)
    .map((node) => `${file}:${node.getSourceFile().getLineAndCharacterOfPosition(node.getStart()).line + 1}`)
}

t.test('file names', async (t) => {
  const kebab = /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)?(\.test)?\.ts$/
  t.same(
    sources.filter((file) => !kebab.test(basename(file))),
    [],
    'kebab-case',
  )
  const mirrors = sources.filter((file) => /^test\/(core|plugins)\/.*\.test\.ts$/.test(file))
  const lost = mirrors.filter((file) => {
    const folder = posix.dirname(file).slice('test/'.length)
    return !sources.some((source) => posix.dirname(source) === folder)
  })
  t.same(lost, [], 'tests under test/core and test/plugins stand where the code they test stands')
})

t.test('docs/errors.md has every code of core/errors.ts, with its status, and no other', async (t) => {
  const rows = [...read('docs/errors.md').matchAll(/^\| `([A-Z_]+)` \| (\d+) \|/gm)]
  const documented = rows.map(([, code, status]) => `${code} ${status}`).sort()
  t.same(documented, errorCodes.map((code: ErrorCode) => `${code} ${statusOf(code)}`).sort())
})

t.test(
  'docs/life-of-a-request.md says of every folder of core/ and plugins/lib/ what is in it, and of no other',
  async (t) => {
    const map = read('docs/life-of-a-request.md').split('## 9. Where things are')[1] ?? ''
    for (const [at, table] of map.split('| --- | --- |').slice(1).entries()) {
      const parent = ['core', 'plugins/lib'][at]!
      const rows = [...table.matchAll(/^\| (`[^|]+) \|/gm)].flatMap(([, names]) => [...names!.matchAll(/`([^`]+)\/`/g)])
      t.same(rows.map(([, name]) => name).sort(), foldersIn(parent), parent)
    }
  },
)

function foldersIn(parent: string): string[] {
  const folders = readdirSync(join(root, parent), { withFileTypes: true }).filter((entry) => entry.isDirectory())
  return folders.map(({ name }) => name).sort()
}
