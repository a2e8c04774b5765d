#!/usr/bin/env node
// Plain JavaScript and nothing new before the version is known: an old Node must be able to read this far.
import { existsSync } from 'node:fs'
import process from 'node:process'

const needed = [20, 18, 1]

if (isOlder(process.versions.node.split('.').map(Number), needed)) {
  console.error(`bascule: needs Node ${needed.join('.')} or newer, and this is ${process.versions.node}`)
  process.exit(2)
}

// A team's own ./plugin.ts needs it in the package, too. Both ways in: without a package.json that says "type": "module" a file
// counts as CommonJS. No tsconfig: the one of the directory we are called in is not ours.
const { register: forRequire } = await import('tsx/cjs/api')
const { register } = await import('tsx/esm/api')
forRequire()
register({ tsconfig: false })

// In this process, so that signals arrive where the server runs. A checkout runs its source, the package what was made of it.
const source = new URL('../cli.ts', import.meta.url)
await import(existsSync(source) ? source.href : new URL('../../dist/core/cli.js', import.meta.url).href)

function isOlder(have, want) {
  const i = want.findIndex((part, at) => have[at] !== part)
  return i >= 0 && have[i] < want[i]
}
