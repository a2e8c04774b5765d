#!/usr/bin/env node
// Plain JavaScript and nothing new before the version is known: an old Node must be able to read this far.
import { existsSync } from 'node:fs'
import process from 'node:process'

const needed = [20, 18, 1]

if (isOlder(process.versions.node.split('.').map(Number), needed)) {
  console.error(`bascule: needs Node ${needed.join('.')} or newer, and this is ${process.versions.node}`)
  process.exit(2)
}

// In this process, so that signals arrive where the server runs. A checkout runs its source, the package what was made of it.
const source = new URL('../cli.ts', import.meta.url)
const fromSource = existsSync(source)
if (fromSource) await readTypeScript()
await import(fromSource ? source.href : new URL('../../dist/core/cli.js', import.meta.url).href)

/** As core/plugin-loading/typescript.ts does for plugins. */
async function readTypeScript() {
  const cjs = await import('tsx/cjs/api')
  const esm = await import('tsx/esm/api')
  cjs.register()
  esm.register({ tsconfig: false })
}

function isOlder(have, want) {
  const i = want.findIndex((part, at) => have[at] !== part)
  return i >= 0 && have[i] < want[i]
}
