// Every page: what it links to is there. The README: what it tells people to type exists.
import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import t from 'tap'
import { commands } from '../../core/commands/run-cli.ts'
import { formatProblem } from '../../core/config/report.ts'
import { loadConfig } from '../../core/load/load-config.ts'
import { tempDir } from '../kit/bascule.ts'
import { blocksOf, readPage, root, rowsOf } from './blocks.ts'

const readme = readPage('README.md')
const pages = ['README.md', 'bench/README.md', ...pagesIn('docs'), ...pagesIn('examples')]

function pagesIn(folder: string): string[] {
  const names = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
  return names
    .filter((name) => name.endsWith('.md') && !name.includes('node_modules'))
    .map((name) => `${folder}/${name}`)
}

/** Headings as GitHub makes anchors of them. */
function anchorsOf(page: string): string[] {
  return [...page.matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
    title!
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

t.test('every relative link resolves', async (t) => {
  for (const page of pages) {
    const text = readPage(page).replace(/^```[\s\S]*?^```/gm, '')
    const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link!)
    const lost = links.filter((link) => {
      if (/^https?:/.test(link)) return false
      const [path = '', anchor] = link.split('#')
      const file = path === '' ? page : normalize(join(dirname(page), path))
      if (!existsSync(join(root, file))) return true
      return anchor !== undefined && !anchorsOf(readPage(file)).includes(anchor)
    })
    t.same(lost, [], page)
  }
})

t.test('npm scripts that a page names are in package.json', async (t) => {
  const { scripts } = JSON.parse(readPage('package.json')) as { scripts: Record<string, string> }
  for (const page of pages) {
    const named = [...readPage(page).matchAll(/npm (?:run ([a-z:]+)|(start|test))\b/g)].map(
      ([, run, own]) => run ?? own!,
    )
    t.same(
      named.filter((name) => !Object.hasOwn(scripts, name)),
      [],
      page,
    )
  }
})

t.test('commands and flags that a page names are those of the program', async (t) => {
  const known = new Map(commands.map((command) => [command.name, command]))
  for (const page of pages) {
    const text = readPage(page)
    const named = [...text.matchAll(/\bbascule ([a-z]+)\b(?=[ `]|$)/gm)].map(([, name]) => name!)
    t.same(
      named.filter((name) => !known.has(name) && name !== 'ready'),
      [],
      page,
    )
  }
  for (const [cell = '', said = ''] of rowsOf(readme, 'Commands')) {
    const flags = [...said.matchAll(/--([a-z-]+)/g)].map(([, flag]) => flag!)
    const of = [...cell.matchAll(/bascule ([a-z]+)/g)].map(([, name]) => known.get(name!))
    t.ok(
      of.every((command) => flags.every((flag) => Object.hasOwn(command?.options ?? {}, flag))),
      cell,
    )
    t.ok(
      of.every((command) => (command?.run === undefined) === said.includes('not built yet')),
      `${cell}: built or not`,
    )
  }
  const listed = [...readme.matchAll(/^\| (.*) \| .*$/gm)].flatMap(([row]) => [...row.matchAll(/`bascule ([a-z]+)`/g)])
  t.same([...new Set(listed.map(([, name]) => name!))].sort(), [...known.keys()].sort(), 'the table has every command')
})

t.test("the README's configuration is good, as it stands there", async (t) => {
  const [block] = blocksOf(readme).filter(({ language }) => language === 'yaml')
  const parts = block!.text.split(/^# (\S+\.yaml)$/m).slice(1)
  const files = Object.fromEntries(parts.flatMap((name, i) => (i % 2 === 0 ? [[name, parts[i + 1]!]] : [])))
  const key = randomBytes(32).toString('base64')
  const dir = tempDir(t, {
    ...files,
    'settings.yaml': files['settings.yaml']!.replaceAll('/run/secrets/', ''),
    session_key: key,
  })
  const { report } = await loadConfig({ dir, env: { BFF_CLIENT_SECRET: 'not a secret' } })
  t.same(report.problems.map(formatProblem), [])
})
