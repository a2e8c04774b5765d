import { setTimeout as passed } from 'node:timers/promises'
import type { Intercept } from './strict-idp.ts'

/** Holds back each token request, or its answer, for up to `most` ms; always the same ones in the same order. */
export function slow(most: number): Intercept {
  let seed = 7
  const random = () => {
    seed = (seed * 48_271) % 0x7fffffff
    return seed / 0x7fffffff
  }
  return async (req, res) => {
    if (req.url !== '/token') return false
    const pause = random() * most
    if (random() < 0.5) {
      await passed(pause)
      return false
    }
    const end = res.end.bind(res) as (...args: unknown[]) => typeof res
    res.end = ((...args: unknown[]) => {
      setTimeout(() => end(...args), pause)
      return res
    }) as typeof res.end
    return false
  }
}
