import { type Document, isAlias, isMap, isPair, isScalar, isSeq, type Pair } from 'yaml'

/** The offset of what stands at a path; of its nearest ancestor's key where the path leads further than the file. */
export function placeOf(document: Document.Parsed, path: readonly PropertyKey[], at: 'key' | 'value'): number {
  let here: unknown = document.contents
  let holder: Pair | undefined
  let offset = startOfNode(here) ?? 0
  for (const step of path) {
    const next = stepInto(isAlias(here) ? here.resolve(document) : here, step)
    if (next === undefined) return (holder && startOfNode(holder.key)) ?? offset
    holder = isPair(next) ? next : undefined
    here = isPair(next) ? next.value : next
    offset = startOfNode(here) ?? (holder && startOfNode(holder.key)) ?? offset
  }
  if (holder === undefined) return offset
  // `key:` with nothing after it: the key says more than the end of its line.
  const empty = isScalar(here) && here.value === null && here.range?.[0] === here.range?.[1]
  return at === 'key' || empty ? (startOfNode(holder.key) ?? offset) : offset
}

function stepInto(node: unknown, step: PropertyKey): unknown {
  if (isMap(node)) return node.items.find((pair) => isScalar(pair.key) && String(pair.key.value) === String(step))
  if (isSeq(node)) return node.items[Number(step)]
  return undefined
}

function startOfNode(node: unknown): number | undefined {
  const range = typeof node === 'object' && node !== null && 'range' in node ? node.range : undefined
  return Array.isArray(range) && typeof range[0] === 'number' ? range[0] : undefined
}
