import type { Shared } from '../contract.ts'
import { canonicalJson } from '../util/canonical-json.ts'
import { settlesWithin } from '../util/settles-within.ts'
import { notOfPlugin } from './left-open.ts'
import type { Scope } from './scope.ts'

/** How long what still opens may keep the close of its last user waiting. */
const OPENING_MS = 10_000

interface Held {
  users: number
  readonly scope: Scope
  readonly made: Promise<unknown>
}

/** Process-wide resources, ref-counted by (definition, settings): changed settings make a new one beside the old. */
export class SharedResources {
  readonly #held = new Map<object, Map<string, Held>>()

  async acquire<S, T>(what: Shared<S, T>, settings: S, user: Scope): Promise<T> {
    const byKey = this.#held.get(what) ?? new Map<string, Held>()
    this.#held.set(what, byKey)
    const key = canonicalJson(settings)
    const held = byKey.get(key) ?? this.#open(what, settings, user)
    byKey.set(key, held)
    held.users++
    const forget = () => {
      if (byKey.get(key) === held) byKey.delete(key)
    }
    user.adopt({
      async close() {
        if (--held.users > 0) return
        forget()
        await settlesWithin(OPENING_MS, held.made) // closed while it still opens, what comes of it would be nobody's
        await held.scope.close()
      },
    })
    try {
      return (await held.made) as T
    } catch (error) {
      forget() // the next who asks tries again, however long those who failed are still around
      throw error
    }
  }

  #open<S, T>(what: Shared<S, T>, settings: S, user: Scope): Held {
    const scope = user.detached(what.name)
    const made = (async () => {
      const value = await notOfPlugin(() => what.open(settings, scope))
      if (what.close) scope.onClose(() => what.close!(value))
      return value
    })()
    made.catch(() => scope.close()) // told to whoever acquires it
    return { users: 0, scope, made }
  }
}
