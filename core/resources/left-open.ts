import { AsyncLocalStorage, createHook } from 'node:async_hooks'
import { setTimeout as nextRound } from 'node:timers/promises'
import type { Log } from '../contract.ts'

/** What holds a process open or a port taken, by the names node gives them. */
const kinds = new Set([
  'Timeout',
  'TCPWRAP',
  'TCPSERVERWRAP',
  'PIPEWRAP',
  'PIPESERVERWRAP',
  'UDPWRAP',
  'FSEVENTWRAP',
  'STATWATCHER',
  'WORKER',
  'PROCESSWRAP',
])

interface Opened {
  readonly kind: string
  readonly resource: WeakRef<object>
}

const beingSetUp = new AsyncLocalStorage<Opened[] | undefined>()
let watched = 0

/** What is shared outlives the generation that opened it, and is closed with its last user: no leak of the plugin's. */
export function notOfPlugin<T>(open: () => T): T {
  return watched === 0 ? open() : beingSetUp.run(undefined, open)
}

/**
 * Finds what a plugin opened beside its host while it was set up, and left open when its generation ended: such a plugin leaks with
 * every reload. Only set-up is watched, so requests pay nothing. Where `createHook` sees nothing, nothing is found.
 */
export class LeftOpen {
  readonly #opened = new Map<string, Opened[]>()

  /** Runs a plugin's set-up. */
  async during<T>(plugin: string, setUp: () => T | Promise<T>): Promise<T> {
    const opened: Opened[] = []
    const hook = createHook({
      init(_id, kind, _trigger, resource: object) {
        if (kinds.has(kind)) beingSetUp.getStore()?.push({ kind, resource: new WeakRef(resource) })
      },
    })
    hook.enable()
    watched++
    try {
      return await beingSetUp.run(opened, async () => setUp())
    } finally {
      hook.disable()
      if (--watched === 0) beingSetUp.disable() // else Node 20 hooks into every promise and callback from here on
      if (opened.length > 0) this.#opened.set(plugin, [...(this.#opened.get(plugin) ?? []), ...opened])
    }
  }

  /** To be called once everything the host knows of is closed. */
  async report(log: Log): Promise<void> {
    if (this.#opened.size === 0) return
    await nextRound(0) // a handle that was closed just now is gone when the event loop has come round
    for (const [plugin, opened] of this.#opened) {
      const still = opened.filter(isOpen).map(({ kind }) => kind)
      if (still.length > 0) {
        log.warn(
          { plugin, left_open: still },
          'plugin_left_open: make timers, listeners and the like through host, or close them in host.onClose',
        )
      }
    }
  }
}

function isOpen({ kind, resource }: Opened): boolean {
  const made = resource.deref() as { _destroyed?: boolean; _repeat?: unknown; hasRef?(): boolean } | undefined
  if (made === undefined) return false
  if (kind === 'Timeout') return made._destroyed === false && Boolean(made._repeat) // a single timeout ends by itself
  return made.hasRef?.() ?? false
}
