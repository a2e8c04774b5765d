import type { YAMLError } from 'yaml'

type Code = YAMLError['code']

/** Our own sentences: the parser's quote pieces of the file, and those may be secrets. */
const sentences: Readonly<Partial<Record<Code, string>>> = {
  ALIAS_PROPS: 'an alias (*name) can have no tag or anchor of its own',
  BAD_ALIAS: 'this alias or anchor has no usable name',
  BAD_DIRECTIVE: 'this % directive is not understood; remove it',
  BAD_DQ_ESCAPE: 'there is no such \\ escape in double quotes; write \\\\ for a backslash, or use single quotes',
  BAD_INDENT: 'the indentation does not fit the lines before it, or a bracket is not closed',
  BAD_PROP_ORDER: 'a tag or anchor stands in the wrong place',
  BAD_SCALAR_START: 'a value cannot begin with this character; put the value in quotes',
  BLOCK_AS_IMPLICIT_KEY: 'a "key: value" stands inside a value; put the value in quotes, or begin a new line',
  BLOCK_IN_FLOW: 'an indented block cannot stand inside [ ] or { }',
  DUPLICATE_KEY: 'this key is already there',
  KEY_OVER_1024_CHARS: 'a key may have at most 1024 characters',
  MULTILINE_IMPLICIT_KEY: 'a key must stand on one line, followed by ": "',
  MULTIPLE_ANCHORS: 'only one anchor (&name) can stand here',
  MULTIPLE_DOCS: 'a second document begins here (---); a config file holds one',
  MULTIPLE_TAGS: 'only one tag (!name) can stand here',
  NON_STRING_KEY: 'a key must be a plain word',
  RESOURCE_EXHAUSTION: 'the file is nested too deeply',
  TAB_AS_INDENT: 'a tab cannot indent; use spaces',
  TAG_RESOLVE_FAILED: 'tags (!name) are not supported; write a plain value',
  BAD_COLLECTION_TYPE: 'tags (!name) are not supported; write a plain value',
  UNEXPECTED_TOKEN: 'this cannot stand here; is a quote, comma or bracket missing, or one too many?',
}

/** Messages of MISSING_CHAR quote nothing but YAML's own marks. */
const missing: readonly (readonly [RegExp, string])[] = [
  [/closing "quote/, 'the closing " is missing'],
  [/closing 'quote/, "the closing ' is missing"],
  [/followed by map values/, 'this key has no ":" after it'],
  [/Missing , between/, 'a comma is missing between two items'],
  [/Missing , or :/, 'a comma or ":" is missing here'],
  [/Missing space after :/, 'a space is missing after ":"'],
  [/without - indicator/, 'a list item must begin with "- "'],
  [/Comments must be separated/, 'a space is missing before this #'],
  [/end with a [\]}]/, 'the closing bracket is missing'],
]

export function yamlSentence(error: YAMLError, line: string): string {
  const known = sentences[error.code] ?? missing.find(([pattern]) => pattern.test(error.message))?.[1]
  const sentence = `not valid YAML: ${known ?? 'something is missing here; is a quote, comma or bracket missing?'}`
  // `[${A}]`: inside brackets a bare { begins a map.
  return /[[{,].*\$\{/.test(line) ? `${sentence} (inside [ ] or { }, put \${…} in quotes)` : sentence
}
