// docs/stages/*.md: what each page shows loads, and its table has every option of the stage with its default, and no other.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { z } from 'zod'
import { loadConfig } from '../../core/load/load-config.ts'
import { PluginLoader } from '../../core/plugin-loading/plugin-loader.ts'
import { tempDir } from '../kit/bascule.ts'
import { settings } from '../kit/default-profile.ts'
import { blocksOf, readPage, root, rowsOf } from './blocks.ts'

const pages = readdirSync(join(root, 'docs/stages')).map((file) => file.replace('.md', ''))

for (const name of pages) {
  const page = readPage(`docs/stages/${name}.md`)
  const titled = blocksOf(page).filter(({ info }) => info.startsWith('title='))

  t.test(`${name}: every file that the page shows loads`, async (t) => {
    const shown = Object.fromEntries(titled.map(({ info, text }) => [info.slice('title='.length), text]))
    const dir = tempDir(t, {
      'routes.yaml': readPage('config/routes.yaml'),
      'profiles/audience-bridge.yaml': readPage('config/profiles/audience-bridge.yaml'),
      ...shown,
      'settings.yaml': settings(`server: { public_url: "https://bff.example.com" }\n${shown['settings.yaml'] ?? ''}`),
    })
    for (const file of Object.keys(shown).filter((file) => file.startsWith('profiles/'))) {
      const profile = file.slice('profiles/'.length, -'.yaml'.length)
      const { report, config } = await loadConfig({ dir, env: {}, profile })
      const errors = report.problems.filter(({ severity }) => severity === 'error')
      t.same(
        errors.map(({ message }) => message),
        [],
      )
      t.ok(config?.profile.stages.some((stage) => stage.name === name))
    }
  })

  t.test(`${name}: the page has every option with its default, and no other`, async (t) => {
    const { options } = await new PluginLoader('.', {}).load('stage', name)
    const json = z.toJSONSchema(options as unknown as z.ZodType, { io: 'input', unrepresentable: 'any' })
    const presets = Object.entries(json.properties ?? {}).map(([key, schema]) => [key, presetOf(schema)])
    const rows = rowsOf(page, 'Options').map(([key, , preset]) => [key!.replaceAll('`', ''), preset])
    t.same(rows.sort(), presets.sort())
  })
}

/** As the pages write a default; an empty cell: there is none. */
function presetOf(schema: unknown): string {
  const preset = (schema as { readonly default?: unknown }).default
  if (preset === undefined) return ''
  return `\`${typeof preset === 'string' ? preset : JSON.stringify(preset)}\``
}
