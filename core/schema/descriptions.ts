import { readFileSync } from 'node:fs'
import { ownFolder } from '../own-package.ts'
import { isMap, type JsonSchema, mapInside } from './json-schema.ts'

type Descriptions = ReadonlyMap<string, string>

/**
 * What docs/configuration.md says of each key, e.g. `server.port`, `services.NAME.timeout`, `routes[].path`: an editor and the page
 * then say the same, and a test holds the page equal to the schemas.
 */
export function readDescriptions(): Descriptions {
  const found = new Map<string, string>()
  try {
    const page = readFileSync(new URL('docs/configuration.md', ownFolder), 'utf8')
    for (const [, key, rest] of page.matchAll(/^\| `([\w.[\]]+)` \|(.*)\|$/gm)) {
      const text = rest!.split(/(?<!\\)\|/).at(-1)!
      const plain = text
        .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
        .replaceAll('\\|', '|')
        .trim()
      if (plain !== '') found.set(key!, plain)
    }
  } catch {
    // Without the page there is less to read in the editor, and nothing is wrong.
  }
  return found
}

/** Descriptions of the plugin's own schema win: they are nearer. */
export function describe(schema: JsonSchema, path: string, texts: Descriptions): JsonSchema {
  const text = texts.get(path)
  const own = text !== undefined && schema.description === undefined ? { description: text, ...schema } : schema
  const { properties, additionalProperties, items, ...rest } = own
  const below = (name: string, inner: unknown) =>
    isMap(inner) ? describe(inner, path === '' ? name : `${path}.${name}`, texts) : inner
  return {
    ...mapInside(rest, (inner) => describe(inner, path, texts)),
    ...(isMap(properties) && {
      properties: Object.fromEntries(Object.entries(properties).map(([name, inner]) => [name, below(name, inner)])),
    }),
    ...(additionalProperties !== undefined && { additionalProperties: below('NAME', additionalProperties) }),
    ...(items !== undefined && { items: isMap(items) ? describe(items, `${path}[]`, texts) : items }),
  }
}
