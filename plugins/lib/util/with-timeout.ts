import { clearTimeout, setTimeout } from 'node:timers'

/** Waits no longer than `ms`; the work itself goes on. Rejects with a TimeoutError. */
export function withTimeout<T>(ms: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new DOMException(`no answer within ${ms} ms`, 'TimeoutError')), ms)
    work.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
