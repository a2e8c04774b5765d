// `npm pack` ships JavaScript and types: neither runtime reads TypeScript under node_modules. A checkout never needs this.
import { spawnSync } from 'node:child_process'
import { cpSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { bundle } from './bundle.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const dist = join(root, 'dist')
// Beside, then swapped in: whoever uses dist/ meanwhile sees the old one or the new one whole.
const made = `${dist}.${process.pid}`

try {
  bundle(made)
  writeTypes()
  nameJavaScriptInTypes()
  copyWhatIsRead()
  rmSync(dist, { recursive: true, force: true })
  renameSync(made, dist)
} finally {
  rmSync(made, { recursive: true, force: true })
}

function writeTypes() {
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc')
  const args = [tsc, '-p', join(root, 'core/packing/tsconfig.json'), '--outDir', made]
  const { status } = spawnSync(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] })
  if (status !== 0) throw new Error('tsc found errors; nothing is packed')
}

/** In a .d.ts, `./x.ts` would be looked for as source. */
function nameJavaScriptInTypes() {
  for (const entry of readdirSync(made, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.d.ts')) continue
    const file = join(entry.parentPath, entry.name)
    writeFileSync(file, readFileSync(file, 'utf8').replace(/(['"]\.{1,2}\/[^'"\n]+)\.ts(['"])/g, '$1.js$2'))
  }
}

/** Files that the program reads at run time stand in dist/ as they do in a checkout. */
function copyWhatIsRead() {
  for (const path of ['config/profiles', 'docs/configuration.md', 'plugins/client'])
    cpSync(join(root, path), join(made, path), { recursive: true })
  const { name, version, type } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  writeFileSync(join(made, 'package.json'), `${JSON.stringify({ name, version, type }, null, 2)}\n`)
}
