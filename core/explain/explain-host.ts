import type { ExplainHost, KindName, Log, PluginRef, Shared } from '../contract.ts'
import { PluginHost } from '../generation/plugin-host.ts'
import type { LoadedConfig } from '../load/load-config.ts'
import { PluginError } from '../plugin-loading/plugin-loader.ts'
import type { Scope } from '../resources/scope.ts'

export type As = ExplainHost['as']

/** What live requests would have done, by correlation id. */
export class Intentions {
  readonly #by = new Map<string, { readonly stage: string; readonly text: string }[]>()

  add(id: string, stage: string, text: string): void {
    const list = this.#by.get(id) ?? []
    this.#by.set(id, list)
    list.push({ stage, text })
  }

  of(id: string): readonly { readonly stage: string; readonly text: string }[] {
    return this.#by.get(id) ?? []
  }
}

/** A host behind which there is nothing: no service, no shared resource, no timer, no background. */
export class NothingHost extends PluginHost implements ExplainHost {
  readonly as: As
  readonly #name: string
  readonly #intentions: Intentions

  constructor(
    scope: Scope,
    config: LoadedConfig,
    parts: { readonly name: string; readonly options: unknown; readonly as: As; readonly intentions: Intentions },
  ) {
    super(scope, config, parts.options)
    this.as = parts.as
    this.#name = parts.name
    this.#intentions = parts.intentions
  }

  would(x: { readonly id: string }, intention: string): void {
    this.#intentions.add(x.id, this.#name, intention)
  }

  override use<K extends KindName>(_kind: K, _ref: PluginRef): Promise<never> {
    return Promise.reject(opensNothing())
  }

  override shared<S, T>(_what: Shared<S, T>, _settings: S): Promise<never> {
    return Promise.reject(opensNothing())
  }

  override every(): void {}

  override listen(): Promise<never> {
    return Promise.reject(opensNothing())
  }

  override agent(): never {
    throw opensNothing()
  }

  override background(work: Promise<unknown>): void {
    work.catch(() => {})
  }
}

function opensNothing(): PluginError {
  return new PluginError('explain opens nothing; a stage that does brings an explain hook')
}

export const silent: Log = { debug() {}, info() {}, warn() {}, error() {}, line() {} }
