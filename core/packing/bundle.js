// Three hundred modules in few files: each costs a start a third of a millisecond to find, read and link.
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const require = createRequire(import.meta.url)
/** tsx has it, and runs a checkout by it. */
const { buildSync } = createRequire(require.resolve('tsx/package.json'))('esbuild')

/**
 * Writes the JavaScript of the package. What others import, by `exports` or by a plugin's name, keeps its file; what they share lies in
 * chunks beside core/index.js, so that there is one copy of the host however it is reached. Packages stay outside: they are updated,
 * and audited, as those of any application.
 */
export function bundle(into) {
  const { metafile } = buildSync({
    absWorkingDir: root,
    entryPoints: ['core/cli.ts', ...exported(), ...plugins()],
    outdir: into,
    outbase: root,
    chunkNames: 'core/chunk-[hash]',
    bundle: true,
    splitting: true,
    packages: 'external',
    format: 'esm',
    platform: 'node',
    target: 'node20.18',
    metafile: true,
    // Read by `node --enable-source-maps` only: without it they cost a start nothing. The names and lines are enough, the sources stay out.
    sourcemap: 'linked',
    sourcesContent: false,
    logLevel: 'warning',
  })
  for (const [file, { inputs }] of Object.entries(metafile.outputs))
    holdInPlace(relative(into, join(root, file)), inputs)
}

function exported() {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const sources = Object.values(exports).map((one) => one['@bascule/source'])
  return sources.filter((source) => source?.endsWith('.ts') && !source.endsWith('.d.ts'))
}

/** As core/plugin-loading/plugin-loader.ts finds them. */
function plugins() {
  const files = readdirSync(join(root, 'plugins'), { recursive: true }).map(
    (file) => `plugins/${file.replaceAll('\\', '/')}`,
  )
  return files.filter((file) => /^plugins\/(?!(lib|testing|client)\/)([a-z0-9-]+\/)?[a-z0-9-]+\.ts$/.test(file))
}

/** A module that asks where it stands must stand as deep in the package as in the checkout. */
function holdInPlace(file, inputs) {
  for (const input of Object.keys(inputs)) {
    if (dirname(input) === dirname(file) || !/\bimport\.meta\.url\b/.test(readFileSync(join(root, input), 'utf8')))
      continue
    throw new Error(
      `${input} asks for import.meta.url and would be shipped in ${file}: let it use ownFolder of core/own-package.ts`,
    )
  }
}
