import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { basename, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t, { type Test } from 'tap'
import type { Kit, ServicePlugin } from '../../core/index.ts'
import { defineEndpoint, defineService, defineStage } from '../../core/index.ts'
import type { SessionStore } from '../../plugins/lib/session/session-store.ts'
import { MemoryStore } from '../../plugins/session-store/memory.ts'
import { sessionStoreContract } from '../../plugins/testing/index.ts'
import { type RunningBascule, startBascule, tempDir } from '../kit/bascule.ts'
import { contractTest } from '../kit/contract-test.ts'
import { type Block, blocksOf, linkPackages, readPage, root } from './blocks.ts'
import { curlsOf, differences } from './console.ts'
import { compile } from './typecheck.ts'

const blocks = blocksOf(readPage('docs/write-a-plugin.md'))
const config = ['settings.yaml', 'routes.yaml', 'profiles/audience-bridge.yaml']

t.test('a newcomer does what the page says, from top to bottom', async (t) => {
  const page = createServer((_req, res) => res.end('the sample page')).listen(0, '127.0.0.1')
  await once(page, 'listening')
  t.teardown(() => page.close())
  const bascule = await startBascule(t, Object.fromEntries(config.map((file) => [file, readPage(`config/${file}`)])), {
    env: { SPA_URL: `http://127.0.0.1:${(page.address() as AddressInfo).port}` },
  })
  linkPackages(bascule.dir)
  let stale = false
  let from = 0
  for (const block of blocks) {
    const file = fileOf(block)
    if (file !== undefined) {
      bascule.write({ [file]: block.info.startsWith('append=') ? readPage(`config/${file}`) + block.text : block.text })
      stale = true
    } else if (block.language === 'console') {
      if (stale) t.equal(await bascule.server.reload(), true, 'the config is taken')
      stale = false
      from = bascule.lines.length
      await ask(t, bascule, block)
    } else if (block.info === 'log') {
      t.ok(await bascule.line(fits(JSON.parse(block.text) as object), from), `logged: ${block.text.trim()}`)
    } else t.fail(`the page has a block that nothing runs: ${block.language} ${block.info}`)
  }
  t.equal(await bascule.server.reload(), true, 'the last files are taken too')
})

function fileOf({ info }: Block): string | undefined {
  return /^(?:title|append)=config\/(.+)$/.exec(info)?.[1]
}

async function ask(t: Test, bascule: RunningBascule, block: Block): Promise<void> {
  for (const { line, path, init, expected } of curlsOf(block.text)) {
    t.same(await differences(await fetch(bascule.url + path, init), expected), [], line)
  }
}

function fits(wanted: object) {
  return (line: object) => Object.entries(wanted).every(([key, value]) => Reflect.get(line, key) === value)
}

t.test('the typed blocks compile', async (t) => {
  const typed = blocks.filter(({ language, text }) => language === 'ts' && /^import /m.test(text))
  const files = Object.fromEntries(typed.map((block) => [join(root, 'config', fileOf(block)!), block.text]))
  t.equal(typed.length, 4)
  t.same(compile(files), [])
})

async function storeOfThePage(): Promise<SessionStore> {
  const block = blocks.find(({ info }) => info === 'title=config/counting-store.ts')!
  const dir = tempDir(t, { [basename(fileOf(block)!)]: block.text })
  const url = pathToFileURL(join(dir, 'counting-store.ts')).href
  const { default: make } = (await import(url)) as { default: (kit: Kit) => ServicePlugin }
  const host = { options: undefined, use: async () => new MemoryStore(), onClose: () => {} }
  const plugin = make({ defineStage, defineEndpoint, defineService })
  return (await plugin.open(host as unknown as Parameters<ServicePlugin['open']>[0])) as SessionStore
}

sessionStoreContract(storeOfThePage, { test: contractTest(t), name: 'the store of the page' })
