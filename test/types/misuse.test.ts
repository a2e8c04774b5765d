import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import ts from 'typescript'

const here = dirname(fileURLToPath(import.meta.url))
const folder = join(here, 'misuse')
const right = ['right.ts', 'right-lists.ts'].map((name) => join(here, name))
const files = readdirSync(folder).filter((name) => name.endsWith('.ts'))

/** One program for all files: the standard library is read once. */
function compile(): Map<string, readonly ts.Diagnostic[]> {
  const config = join(here, '..', '..', 'tsconfig.json')
  const { options } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(config, ts.sys.readFile).config,
    ts.sys,
    dirname(config),
  )
  const roots = [...files.map((name) => join(folder, name)), ...right]
  const program = ts.createProgram(roots, { ...options, noUnusedLocals: false, noUnusedParameters: false })
  const diagnosticsOf = (path: string) => {
    const source = program.getSourceFile(path)
    if (!source) throw new Error(`${path} is not part of the program`)
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)]
  }
  return new Map(roots.map((path) => [path, diagnosticsOf(path)]))
}

function sentence(name: string): string {
  return name.replace('.ts', '').replaceAll('-', ' ')
}

/** The first line says which error must come, `// wrong: …` stands on the line before the one it must come on. */
function expectationOf(path: string) {
  const lines = readFileSync(path, 'utf8').split('\n')
  const [, code, fragment] = /^\/\/ expect: TS(\d+) (.+)$/.exec(lines[0] ?? '') ?? []
  if (code === undefined || fragment === undefined)
    throw new Error(`${path}: the first line must be // expect: TSCODE text`)
  return { code: Number(code), fragment, line: lines.findIndex((line) => line.includes('// wrong: ')) + 2 }
}

const found = compile()

t.test('a correct plugin of each kind compiles, and every order that is right', async (t) => {
  for (const path of right) t.same(found.get(path)?.map(describe), [])
})

t.test('misuse does not compile', async (t) => {
  for (const name of files) {
    const path = join(folder, name)
    const { code, fragment, line } = expectationOf(path)
    const errors = (found.get(path) ?? []).map((diagnostic) => {
      const text = textOf(diagnostic)
      return { line: lineOf(diagnostic), code: diagnostic.code, text: text.includes(fragment) ? fragment : text }
    })
    t.same(errors, [{ line, code, text: fragment }], sentence(name))
  }
})

function lineOf(diagnostic: ts.Diagnostic): number {
  return (diagnostic.file?.getLineAndCharacterOfPosition(diagnostic.start ?? 0).line ?? -1) + 1
}

function textOf(diagnostic: ts.Diagnostic): string {
  return ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n')
}

function describe(diagnostic: ts.Diagnostic): string {
  return `line ${lineOf(diagnostic)}: TS${diagnostic.code} ${textOf(diagnostic)}`
}
