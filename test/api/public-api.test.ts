// What others build against, as text: every export of the package with its declaration. A change here is a change for somebody;
// UPDATE=1 writes it anew, and the diff is what the release notes must say.
import { readFileSync, writeFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import process from 'node:process'
import t from 'tap'
import ts from 'typescript'
import { readPage, root } from '../docs/blocks.ts'

const text = join(root, 'test/api/public-api.txt')

interface Manifest {
  readonly exports: Readonly<Record<string, string | { readonly '@bascule/source': string }>>
}

/** Entry → the source file behind it; what is no module is left out. */
function entries(): Readonly<Record<string, string>> {
  const { exports } = JSON.parse(readPage('package.json')) as Manifest
  return Object.fromEntries(
    Object.entries(exports).flatMap(([entry, target]) =>
      typeof target === 'string' ? [] : [[entry, target['@bascule/source']]],
    ),
  )
}

/** The declarations of every file, as the package ships them, comments left out. */
function emitted(program: ts.Program): ReadonlyMap<string, ts.SourceFile> {
  const files = new Map<string, ts.SourceFile>()
  program.emit(
    undefined,
    (name, declarations) => {
      const source = name.replace(/\.d\.ts$/, '.ts')
      files.set(source, ts.createSourceFile(name, declarations, ts.ScriptTarget.Latest, true))
    },
    undefined,
    true,
  )
  return files
}

function programOf(paths: readonly string[]): ts.Program {
  const config = join(root, 'tsconfig.json')
  const { options } = ts.parseJsonConfigFileContent(ts.readConfigFile(config, ts.sys.readFile).config, ts.sys, root)
  const emit = { noEmit: false, declaration: true, emitDeclarationOnly: true, removeComments: true }
  return ts.createProgram(paths, { ...options, ...emit })
}

/** The statements that declare a name, merged interfaces included. */
function declarationsOf(symbol: ts.Symbol, files: ReadonlyMap<string, ts.SourceFile>): string[] {
  const sources = new Set(symbol.declarations?.map((node) => node.getSourceFile().fileName))
  return [...sources].flatMap((file) =>
    (files.get(file)?.statements ?? []).flatMap((statement) => declaring(statement, symbol.name)),
  )
}

function declaring(statement: ts.Statement, name: string): string[] {
  if (ts.isModuleDeclaration(statement) && statement.body && ts.isModuleBlock(statement.body))
    return statement.body.statements.flatMap((inner) => declaring(inner, name))
  if (ts.isVariableStatement(statement))
    return statement.declarationList.declarations.some((node) => nameOf(node) === name) ? [statement.getText()] : []
  if (ts.isExportAssignment(statement)) return name === 'default' ? [statement.getText()] : []
  return nameOf(statement) === name ? [statement.getText()] : []
}

function nameOf(node: ts.Node): string | undefined {
  const { name } = node as { readonly name?: ts.Node }
  return name && ts.isIdentifier(name) ? name.text : undefined
}

const paths = Object.fromEntries(Object.entries(entries()).map(([entry, file]) => [entry, join(root, file)]))
const program = programOf(Object.values(paths))
const checker = program.getTypeChecker()

function exportsOf(path: string): ts.Symbol[] {
  return checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(path)!)!)
}

function declared(symbol: ts.Symbol): ts.Symbol {
  return symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
}

function describe(): string {
  const files = emitted(program)
  const sections = Object.entries(paths).map(([entry, path]) => {
    const blocks = exportsOf(path)
      .map((symbol) => blockOf(symbol, files))
      .sort((a, b) => (a < b ? -1 : 1))
    return [`==== bascule${entry.slice(1)} (${relative(root, path).split(sep).join('/')})`, ...blocks].join('\n\n')
  })
  return `${sections.join('\n\n')}\n`
}

function blockOf(symbol: ts.Symbol, files: ReadonlyMap<string, ts.SourceFile>): string {
  const target = declared(symbol)
  // A default export is a constant without a name in its own file: its type says what it is.
  const blocks =
    target.name === 'default' ? [`const ${symbol.name}: ${typeText(target)}`] : declarationsOf(target, files)
  return [`-- ${symbol.name}`, ...blocks.sort()].join('\n')
}

function typeText(symbol: ts.Symbol): string {
  return checker.typeToString(checker.getTypeOfSymbol(symbol), undefined, ts.TypeFormatFlags.NoTruncation)
}

t.test('the public API is what the text says', async (t) => {
  const now = describe()
  if (process.env.UPDATE) writeFileSync(text, now)
  t.equal(readFileSync(text, 'utf8'), now, 'UPDATE=1 writes it anew; read the difference before you commit it')
})

t.test('every export of the package says in a sentence what it is', async (t) => {
  t.same(undocumented(), [])
})

function undocumented(): string[] {
  return Object.values(paths)
    .flatMap((path) => exportsOf(path).map(declared))
    .filter((symbol) => symbol.name !== 'default' && symbol.getDocumentationComment(checker).length === 0)
    .map(({ name }) => name)
}
