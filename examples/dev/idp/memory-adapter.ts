import type { Adapter, AdapterFactory, AdapterPayload } from 'oidc-provider'

interface Entry {
  readonly payload: AdapterPayload
  readonly expiresAt: number
}

/** More entries than a developer makes; what has expired goes when this is passed. */
const crowded = 5000

/**
 * Sessions, codes, grants and refresh tokens in memory, shared by every provider made with it: they survive a change
 * of the files, which oidc-provider's own memory adapter does not allow.
 */
export function memoryStore(now: () => number = Date.now): AdapterFactory {
  const entries = new Map<string, Entry>()

  const alive = (entry: Entry | undefined) =>
    entry !== undefined && entry.expiresAt > now() ? entry.payload : undefined
  const dropWhere = (drop: (entry: Entry, key: string) => boolean) => {
    for (const [key, entry] of entries) if (drop(entry, key)) entries.delete(key)
  }

  return (model): Adapter => {
    const keyOf = (id: string) => `${model}:${id}`
    const findBy = (name: 'uid' | 'userCode', value: string) => {
      for (const [key, entry] of entries)
        if (key.startsWith(`${model}:`) && entry.payload[name] === value) return alive(entry)
      return undefined
    }
    return {
      async upsert(id, payload, expiresIn) {
        if (entries.size > crowded) dropWhere((entry) => entry.expiresAt <= now())
        entries.set(keyOf(id), { payload, expiresAt: now() + (expiresIn ?? Number.POSITIVE_INFINITY) * 1000 })
      },
      find: async (id) => alive(entries.get(keyOf(id))),
      findByUid: async (uid) => findBy('uid', uid),
      findByUserCode: async (code) => findBy('userCode', code),
      async consume(id) {
        const payload = alive(entries.get(keyOf(id)))
        if (payload !== undefined) payload.consumed = Math.floor(now() / 1000)
      },
      async destroy(id) {
        entries.delete(keyOf(id))
      },
      revokeByGrantId: async (grantId) => dropWhere(({ payload }) => payload.grantId === grantId),
    }
  }
}
