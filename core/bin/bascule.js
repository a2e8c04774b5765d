#!/usr/bin/env node
// Plain JavaScript and nothing new before the version is known: an old Node must be able to read this far.
import process from 'node:process'

const needed = [20, 18, 1]

if (isOlder(process.versions.node.split('.').map(Number), needed)) {
  console.error(`bascule: needs Node ${needed.join('.')} or newer, and this is ${process.versions.node}`)
  process.exit(2)
}

// In this process, so that signals arrive where the server runs. No tsconfig: the one of the directory we are called in is not ours.
const { register } = await import('tsx/esm/api')
register({ tsconfig: false })
await import('../cli.ts')

function isOlder(have, want) {
  const i = want.findIndex((part, at) => have[at] !== part)
  return i >= 0 && have[i] < want[i]
}
