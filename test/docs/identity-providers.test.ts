import t from 'tap'
import { idpPresets } from '../../plugins/lib/idp/idp-presets.ts'
import { readPage, rowsOf } from './blocks.ts'

t.test('the page has every preset, with what it fills in', async (t) => {
  const rows = rowsOf(readPage('docs/identity-providers.md'), 'Presets')
  t.same(rows.map(([name]) => name?.replaceAll('`', '')).sort(), Object.keys(idpPresets).sort())
  for (const [name = '', filled] of rows) {
    const { mint } = idpPresets[name.replaceAll('`', '') as keyof typeof idpPresets]
    const written = typeof mint === 'string' ? mint : `{use: ${mint.use}, with: {by: ${mint.with.by}}}`
    t.ok(filled?.includes(`mint: ${written}`), `${name}: ${written}`)
  }
})
