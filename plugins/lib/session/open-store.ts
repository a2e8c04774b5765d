import { fault, isFault, type PluginRef, type Resources, type Sometimes } from '../../../core/index.ts'
import type { SessionStore } from './session-store.ts'

/** The configured session store. Whatever words of its own it fails in, above here it is STORE_UNAVAILABLE: a passing fault. */
export async function openStore(host: Pick<Resources, 'use'>, ref: PluginRef): Promise<SessionStore> {
  return inOurWords(await host.use('session-store', ref))
}

function inOurWords(store: SessionStore): SessionStore {
  const { watch, settled } = store
  return {
    reach: store.reach,
    // Every request of a session comes by here: no closure for it.
    get(key, unless) {
      try {
        return late(store.get(key, unless))
      } catch (error) {
        return away(error)
      }
    },
    put: (key, value, opts) => told(() => store.put(key, value, opts)),
    touch: (key, ttl) => told(() => store.touch(key, ttl)),
    delete: (key) => told(() => store.delete(key)),
    take: (key) => told(() => store.take(key)),
    lease: (name, ttl) => told(() => store.lease(name, ttl)),
    async *find(index) {
      try {
        yield* store.find(index)
      } catch (error) {
        away(error)
      }
    },
    ...(watch === undefined ? {} : { watch: watch.bind(store) }),
    ...(settled === undefined ? {} : { settled: settled.bind(store) }),
  }
}

function told<T>(ask: () => Sometimes<T>): Sometimes<T> {
  try {
    return late(ask())
  } catch (error) {
    return away(error)
  }
}

/** Without a promise where the store has none. */
function late<T>(answer: Sometimes<T>): Sometimes<T> {
  return answer instanceof Promise ? answer.catch(away) : answer
}

function away(error: unknown): never {
  throw isFault(error) && error.code === 'STORE_UNAVAILABLE' ? error : fault('STORE_UNAVAILABLE', undefined, error)
}
