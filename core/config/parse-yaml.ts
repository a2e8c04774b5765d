import { type Document, type LineCounter, parseDocument } from 'yaml'

/** Undefined: nested so deeply that the parser gave up. */
export function parseYaml(text: string, lineCounter?: LineCounter): Document.Parsed | undefined {
  try {
    // `schema` and `merge` are said aloud, so that a `%YAML 1.1` line cannot bring merge keys and `yes` back.
    // uniqueKeys compares each key with each: buildValue does it with a set.
    return parseDocument(text, {
      ...(lineCounter && { lineCounter }),
      schema: 'core',
      merge: false,
      resolveKnownTags: false,
      stringKeys: true,
      uniqueKeys: false,
      prettyErrors: false,
      logLevel: 'error',
    })
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}
