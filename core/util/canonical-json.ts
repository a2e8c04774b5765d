/** JSON with sorted keys: equal settings are equal text, whatever order a file had them in. Throws for what is no data. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, plain) ?? 'undefined'
}

/** Two settings that JSON would show alike must not share what one of them opened: a key object is `{}` in JSON, as is every set. */
function plain(key: string, v: unknown): unknown {
  if (typeof v === 'number' && !Number.isFinite(v)) return { number: String(v) }
  if (typeof v === 'bigint') return { bigint: String(v) }
  if (typeof v === 'function' || typeof v === 'symbol') throw notData(key, typeof v)
  if (typeof v !== 'object' || v === null || Array.isArray(v)) return v
  if (v instanceof Map) return { map: [...v].sort() }
  if (v instanceof Set) return { set: [...v].sort() }
  const prototype: unknown = Object.getPrototypeOf(v)
  if (prototype !== Object.prototype && prototype !== null && !(v instanceof Uint8Array)) {
    throw notData(key, v.constructor?.name ?? 'object')
  }
  return Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1)))
}

function notData(key: string, what: string): TypeError {
  return new TypeError(`settings of a shared resource must be plain data, but ${key || 'they'} is a ${what}`)
}
