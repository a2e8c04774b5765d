// node only: packages are made with esbuild, on Node
// What npm pack ships is bundled; its source maps are there for who asks for them.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import t from 'tap'
import { tempDir } from '../kit/bascule.ts'

t.test('every shipped file names its sources, and holds none of them', async (t) => {
  const { bundle } = (await import(new URL('../../core/packing/bundle.js', import.meta.url).href)) as {
    bundle(into: string): void
  }
  const dir = tempDir(t, {})
  bundle(dir)
  const files = readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.js'))
  t.ok(files.includes('core/cli.js') && files.includes('plugins/forward.js'))
  const sources = files.flatMap((file) => {
    const [, link] = /^\/\/# sourceMappingURL=(\S+\.map)$/m.exec(readFileSync(join(dir, file), 'utf8')) ?? []
    if (link === undefined) throw new Error(`${file} has no source map`)
    const map = join(dir, dirname(file), link)
    const { sources, sourcesContent } = JSON.parse(readFileSync(map, 'utf8')) as {
      sources: string[]
      sourcesContent?: unknown
    }
    t.equal(sourcesContent, undefined)
    return sources.map((source) => resolve(dirname(map), source))
  })
  t.ok(sources.some((source) => source.endsWith('core/server/server.ts')))
  t.same(
    sources.filter((source) => !existsSync(source)),
    [],
  )
})
