// The JSON body as a decision is asked about it. Strict: a body that the decision point and the backend could read differently
// (twice the same key, a key in other case, a number that rounds) would be judged as one thing and carried out as another.
import { type Body, type Exchange, fault, isFault } from '../../../core/index.ts'
import { repeatedKey } from '../util/json-keys.ts'
import { withTimeout } from '../util/with-timeout.ts'

/** A body that is judged is held in memory. */
export const maxBody = 1024 * 1024
/** Of a value that is asked about: whoever reads it next may read it recursively. */
const deepest = 64
/** How long a client may take to send it. */
const patience = 20_000

/** The parsed body. Rejects with the fault to answer: BODY_TOO_LARGE, REQUEST_TIMEOUT, BAD_REQUEST. */
export async function readJson(x: Pick<Exchange, 'headerAll'> & { readonly body: Body }): Promise<unknown> {
  const problem = typeProblem(x)
  if (problem !== undefined) throw fault('BAD_REQUEST', problem)
  return parseStrict(await bytesOf(x.body))
}

async function bytesOf(body: Body): Promise<Uint8Array> {
  try {
    return await withTimeout(patience, body.bytes(maxBody))
  } catch (error) {
    if (isFault(error)) throw error
    if (error instanceof DOMException) throw fault('REQUEST_TIMEOUT', undefined, error)
    throw error
  }
}

function typeProblem(x: Pick<Exchange, 'headerAll'>): string | undefined {
  const types = x.headerAll('content-type')
  const [type = '', ...parameters] = (types[0] ?? '').toLowerCase().split(';')
  if (types.length !== 1 || !/^application\/(?:[\w.-]+\+)?json$/.test(type.trim())) {
    return 'this route wants a JSON body (Content-Type: application/json)'
  }
  const charset = parameters.map((parameter) => parameter.trim()).find((parameter) => parameter.startsWith('charset'))
  if (charset !== undefined && !/^charset="?utf-8"?$/.test(charset)) return 'this route wants its JSON in UTF-8'
  const coded = x.headerAll('content-encoding').some((coding) => coding.trim().toLowerCase() !== 'identity')
  return coded ? 'this route wants its JSON without a Content-Encoding' : undefined
}

function parseStrict(bytes: Uint8Array): unknown {
  let text: string
  let value: unknown
  try {
    // A byte order mark is no JSON (RFC 8259 §8.1), and not every reader skips it.
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    value = JSON.parse(text)
  } catch {
    throw fault('BAD_REQUEST', 'the body is no JSON')
  }
  if (repeatedKey(text)) throw fault('BAD_REQUEST', 'the JSON body has the same key twice in one object')
  return value
}

/** The value at a path of keys; undefined where there is none. Throws BAD_REQUEST where two readers could find two. */
export function readPath(body: unknown, path: readonly string[]): unknown {
  let here = body
  for (const key of path) {
    if (typeof here !== 'object' || here === null || Array.isArray(here)) return undefined
    // Go's encoding/json and others take `Name` for `name`.
    if (hasOtherSpelling(here, key)) {
      throw fault('BAD_REQUEST', `the JSON body spells ${key} in another way; write it exactly so`)
    }
    here = Object.hasOwn(here, key) ? (here as Readonly<Record<string, unknown>>)[key] : undefined
  }
  const problem = problemIn(here)
  if (problem !== undefined) throw fault('BAD_REQUEST', `the JSON body ${problem} at ${path.join('.')}`)
  return here
}

/** A MiB is a hundred thousand keys, and folding one takes microseconds: only those are folded that could be this one. */
function hasOtherSpelling(object: object, key: string): boolean {
  const wanted = key.toLowerCase()
  for (const other in object) {
    // `key` is ASCII: what folds to it is as long, or shorter (a ligature), or of surrogate pairs.
    if (other.length > 2 * key.length || other === key) continue
    if (other.length === key.length && other.toLowerCase() === wanted) return true
    if (beyondAscii.test(other) && other.normalize('NFKC').toLowerCase() === wanted) return true
  }
  return false
}

const beyondAscii = /[^\0-\x7f]/

/** Level by level, without recursion: a MiB nests half a million deep, and what walks down there overflows its stack. */
function problemIn(value: unknown): string | undefined {
  let level: unknown[] = [value]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > deepest) return `nests more than ${deepest} levels`
    const below: unknown[] = []
    for (const each of level) {
      if (typeof each === 'number' && !isExact(each)) return 'has a number that cannot be read exactly'
      if (typeof each === 'object' && each !== null) for (const inner of Object.values(each)) below.push(inner)
    }
    level = below
  }
  return undefined
}

/** Beyond 2^53 readers round differently, and 1e999 would become null on its way to the decision point. */
function isExact(value: number): boolean {
  return Number.isInteger(value) ? Number.isSafeInteger(value) : Number.isFinite(value)
}
