// A file with a long list, entry by entry. The parser takes a file in one go, and a second of that stalls every request. So the list is
// cut out, the rest is parsed with a stand-in for it, and each entry by itself.
//
// Cut or whole, it means the same: the parser itself confirms, by the stand-in, that a block list of a top-level key stands there; an
// entry that is valid YAML by itself has closed its quotes and brackets, and then a line with a dash at the list's column can only begin
// the next one. Whatever is not so plain (any fault, an anchor, a second document) is left to the whole parse, and told in its words.
import { type Document, isMap, isScalar, isSeq, LineCounter, type Node, visit } from 'yaml'
import { Slices } from '../util/time-slices.ts'
import { buildPart, buildValue, type Context } from './build-value.ts'
import { type Building, building, placeIn } from './building.ts'
import type { ConfigDocument, Path } from './document.ts'
import { findList, type ListRegion } from './list-region.ts'
import { placeOf } from './node-place.ts'
import { parseYaml } from './parse-yaml.ts'
import { readPlainEntry } from './plain-entry.ts'

/** Undefined: the file is to be parsed whole; nothing has been reported. */
export async function readList(
  file: string,
  text: string,
  name: string,
  options: Building,
): Promise<ConfigDocument | undefined> {
  const region = findList(text, name)
  const rest = region && parseRest(text, name, region)
  if (!region || !rest) return undefined
  const at = placeIn(file, linesOf(text))
  const { context, reads, broken } = building(at, options)
  const list = new List(text, name, region)
  const faults: Parameters<Context['error']>[] = []
  const later: Context = { ...context, error: (...fault) => faults.push(fault) }
  const items = await list.read(later)
  const value = items && buildValue(rest, later)
  if (!items || !value) return undefined
  value[name] = items
  for (const fault of faults) context.error(...fault)
  return {
    file,
    value,
    reads,
    broken,
    place: (path, which = 'value') => at(list.offsetOf(path, which) ?? placeOf(rest, path, which)),
  }
}

class List {
  readonly #text: string
  readonly #name: string
  readonly #region: ListRegion
  /** Of each entry's value. */
  readonly #offsets: number[] = []
  #asked: { readonly i: number; readonly parsed: Document.Parsed } | undefined

  constructor(text: string, name: string, region: ListRegion) {
    this.#text = text
    this.#name = name
    this.#region = region
  }

  /** Undefined: there is an entry that does not stand by itself. */
  async read(context: Context): Promise<unknown[] | undefined> {
    const slices = new Slices()
    const { indent, starts } = this.#region
    const values: unknown[] = []
    for (let i = 0; i < starts.length; i++) {
      if (slices.over) await slices.next()
      const plain = readPlainEntry(this.#entry(i), indent)
      if (plain !== undefined) {
        values.push(plain)
        this.#offsets.push(starts[i]! + indent + 2)
        continue
      }
      const parsed = this.#parse(i)
      const node = parsed && onlyItem(parsed, this.#name)
      if (node === undefined || anchored(parsed!)) return undefined
      values.push(buildPart(parsed!, node, [this.#name, i], shifted(context, this.#shift(i))))
      this.#offsets.push(node.range![0] + this.#shift(i))
    }
    return values
  }

  /** What is asked for below an entry is rare, a fault mostly: parsed again then, rather than kept. Undefined: outside the entries. */
  offsetOf(path: Path, which: 'key' | 'value'): number | undefined {
    const [name, index, ...inner] = path
    const i = Number(index)
    if (name !== this.#name || index === undefined || !(i in this.#offsets)) return undefined
    if (inner.length === 0) return this.#offsets[i]
    if (this.#asked?.i !== i) this.#asked = { i, parsed: this.#parse(i)! }
    return placeOf(this.#asked.parsed, [name, 0, ...inner], which) + this.#shift(i)
  }

  #entry(i: number): string {
    const { starts, end } = this.#region
    return this.#text.slice(starts[i]!, starts[i + 1] ?? end)
  }

  #parse(i: number): Document.Parsed | undefined {
    return parseYaml(`${this.#name}:\n${this.#entry(i)}`)
  }

  /** From an offset in what was parsed by itself to one in the file. */
  #shift(i: number): number {
    return this.#region.starts[i]! - this.#name.length - 2
  }
}

function shifted(context: Context, by: number): Context {
  return { ...context, error: (offset, message, path) => context.error(offset + by, message, path) }
}

/** The list's one entry in a document that is sound. */
function onlyItem(parsed: Document.Parsed, name: string): Node | undefined {
  if (parsed.errors.length > 0 || parsed.warnings.length > 0 || !isMap(parsed.contents)) return undefined
  const named = parsed.contents.items.filter(({ key }) => isScalar(key) && String(key.value) === name)
  const list = named.length === 1 ? named[0]!.value : undefined
  return isSeq(list) && !list.flow && list.items.length === 1 ? (list.items[0] as Node) : undefined
}

/** An alias may name what stands in another entry. */
function anchored(parsed: Document.Parsed): boolean {
  let found = false
  visit(parsed, {
    Node(_, node) {
      if (!('anchor' in node && node.anchor)) return undefined
      found = true
      return visit.BREAK
    },
    Alias() {
      found = true
      return visit.BREAK
    },
  })
  return found
}

/** The file with a number for its list, where all that follows stays where it is. */
function parseRest(text: string, name: string, { key, indent, starts, end }: ListRegion): Document.Parsed | undefined {
  const start = starts[0]!
  const newline = text.charAt(end - 1) === '\n' ? '\n' : ''
  const stand = `${' '.repeat(indent)}- 0 #`
  const filler = end - start - stand.length - newline.length
  if (filler < 0) return undefined
  const parsed = parseYaml(`${text.slice(0, start)}${stand}${'x'.repeat(filler)}${newline}${text.slice(end)}`)
  const item = parsed && onlyItem(parsed, name)
  if (!isScalar(item) || item.value !== 0 || item.range![0] !== start + indent + 2) return undefined
  return placeOf(parsed!, [name], 'key') === key ? parsed : undefined
}

function linesOf(text: string): LineCounter {
  const lines = new LineCounter()
  lines.addNewLine(0)
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines.addNewLine(at + 1)
  return lines
}
