import { readFileSync } from 'node:fs'

interface OwnPackage {
  readonly name: string
  readonly version: string
}

/**
 * Where the files stand that the program reads at run time: the checkout, or dist/ of the package. Asked for here and nowhere else, as
 * what is shipped is one file of many (core/packing/build.js).
 */
export const ownFolder = new URL('../', import.meta.url)

/** A checkout runs its TypeScript, the package what was made of it. */
export const fromSource = import.meta.url.endsWith('.ts')

/** Its package.json. */
export function ownPackage(): OwnPackage {
  return JSON.parse(readFileSync(new URL('package.json', ownFolder), 'utf8')) as OwnPackage
}
