// All 720 orders of the six built-in stages: the compiler takes those that the loader takes, and no other.
import { join } from 'node:path'
import t from 'tap'
import ts from 'typescript'
import { proveOrder } from '../../core/compile/order.ts'
import { Report } from '../../core/config/report.ts'
import type { Stage } from '../../core/index.ts'
import { forward, headerInject, log, routeMatch, sessionAuth, tokenResolve } from '../../plugins/index.ts'
import { root } from '../docs/blocks.ts'

const names = ['route-match', 'session-auth', 'token-resolve', 'header-inject', 'forward', 'log'] as const
type Name = (typeof names)[number]

function* orders(left: readonly Name[], before: readonly Name[] = []): Generator<readonly Name[]> {
  if (left.length === 0) yield before
  for (const name of left)
    yield* orders(
      left.filter((other) => other !== name),
      [...before, name],
    )
}
const all = [...orders(names)]

/** Whether the compiler takes each. */
function compiled(): boolean[] {
  const file = join(root, 'test/types/orders-of-six.ts')
  const head = "import { createBascule } from '../../core/index.ts'\nimport '../../plugins/index.ts'\n"
  const text = head + all.map((stages) => `createBascule({ routes: [], stages: ${JSON.stringify(stages)} })\n`).join('')
  const path = join(root, 'tsconfig.json')
  const { options } = ts.parseJsonConfigFileContent(ts.readConfigFile(path, ts.sys.readFile).config, ts.sys, root)
  const host = ts.createCompilerHost(options)
  const { getSourceFile } = host
  host.getSourceFile = (name, ...rest) =>
    name === file ? ts.createSourceFile(name, text, rest[0]) : getSourceFile.call(host, name, ...rest)
  const program = ts.createProgram([file], options, host)
  const source = program.getSourceFile(file)!
  const wrong = new Set(
    program.getSemanticDiagnostics(source).map(({ start = 0 }) => source.getLineAndCharacterOfPosition(start).line - 2),
  )
  return all.map((_, i) => !wrong.has(i))
}

const byName: Readonly<Record<Name, Stage>> = {
  'route-match': routeMatch,
  'session-auth': sessionAuth,
  'token-resolve': tokenResolve,
  'header-inject': headerInject,
  forward,
  log,
}

/** Whether the proof at load does. */
function loads(order: readonly Name[]): boolean {
  const report = new Report()
  const listed = order.map((name, i) => {
    const place = { file: 'profile', line: i + 1, column: 1 }
    return { name, stage: byName[name], options: undefined, given: undefined, place, settingsAt: place }
  })
  proveOrder(
    { name: 'six', place: listed[0]!.place, stages: listed, endpoints: [], adminEndpoints: [], routes: [] },
    report,
  )
  return !report.failed
}

t.test('the compiler and the loader agree on every order', async (t) => {
  const compiles = compiled()
  const right: string[] = []
  for (const [i, stages] of all.entries()) {
    const good = loads(stages)
    if (good !== compiles[i]) t.fail(`${stages.join(', ')}: loads ${good}, compiles ${compiles[i]}`)
    if (good) right.push(stages.join(', '))
  }
  t.same(
    right.map((list) => list.replace(/, log|log, /, '')),
    Array.from({ length: 6 }, () => names.slice(0, 5).join(', ')),
    'only log may move',
  )
})
