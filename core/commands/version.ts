import { readFileSync } from 'node:fs'
import type { Io } from './command.ts'

export function printVersion(io: Io, json: boolean): void {
  const { name, version } = packageJson()
  io.out(json ? `${JSON.stringify({ name, version })}\n` : `${version}\n`)
}

function packageJson(): { readonly name: string; readonly version: string } {
  return JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
}
