/** Options that name no field to drop, or one that is dropped anyway. */
const usual: ReadonlySet<string> = new Set(['keep-alive', 'close', 'upgrade', 'te', 'transfer-encoding', ''])

/**
 * Adds the fields that a `Connection` line names (RFC 9110 §7.6.1), in lower case. They are dropped before a proxy adds its own, so that
 * nobody can nominate those away (CVE-2026-33805 and its like).
 */
export function nominate(value: string, into: Set<string> | undefined): Set<string> | undefined {
  if (value === 'keep-alive' || value === 'close') return into
  let names = into
  for (const option of value.toLowerCase().split(',')) {
    const name = option.trim()
    if (usual.has(name)) continue
    names ??= new Set()
    names.add(name)
  }
  return names
}
