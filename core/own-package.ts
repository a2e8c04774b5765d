import { readFileSync } from 'node:fs'

interface OwnPackage {
  readonly name: string
  readonly version: string
}

/** The package.json of this program: in a checkout, and beside the JavaScript that is shipped. */
export function ownPackage(): OwnPackage {
  return JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as OwnPackage
}
