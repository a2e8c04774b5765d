import type { Endpoint, KindName, Role, ServicePlugin, SlotName, Stage } from './contract.ts'

/**
 * Gives a stage its types: slots it may read follow from `needs` and `wants`, what `proceed` takes from `provides`. The name is kept
 * as it is written, so that `createBascule` can say in a compile error which stage stands in the wrong place.
 */
export function defineStage<
  C = undefined,
  const K extends Role = 'filter',
  N extends SlotName = never,
  W extends SlotName = never,
  P extends SlotName = never,
  const Name extends string = string,
>(stage: Stage<C, K, N, W, P> & { readonly name: Name }): Stage<C, K, N, W, P> & { readonly name: Name } {
  return stage
}

/** Gives an endpoint its types, and its `kind`: what it may read of the exchange follows from `needs` and `wants`. */
export function defineEndpoint<C = undefined, N extends SlotName = never, W extends SlotName = never>(
  endpoint: Omit<Endpoint<C, N, W>, 'kind'>,
): Endpoint<C, N, W> {
  return { ...endpoint, kind: 'endpoint' }
}

/** Gives a service plugin its types: what `open` must make follows from `kind`. */
export function defineService<C, const K extends KindName>(service: ServicePlugin<C, K>): ServicePlugin<C, K> {
  return service
}
