// The order of stages as a type: what core/compile/order.ts proves at load, an editor says while the list is typed. The messages are the same.
import type { Kit, Stage } from '../contract.ts'

/** Stages that a list may name instead of importing them; `bascule/stages` merges the built-in ones in. */
// biome-ignore lint/suspicious/noEmptyInterface: merged into from outside
export interface StageNames {}

/**
 * What `defineStage` makes, seen from afar: were it `Stage` itself, a `defineStage` written inside the list would take its slots from
 * here (any) instead of from what stands in it.
 */
export interface StageLike {
  readonly name: string
  readonly kind?: 'stage'
  readonly setup: (host: never) => unknown
}

/** A stage, the function a plugin package exports, or the name of a built-in. */
export type StageUse = StageLike | ((kit: Kit) => StageLike) | (keyof StageNames & string)
/** One entry of a list of stages; `with`: its options, plain data as in YAML. */
export type StageEntry = StageUse | { readonly use: StageUse; readonly with?: Readonly<Record<string, unknown>> }
/** The stages of a profile, in the order in which a request meets them. */
export type StageList = readonly StageEntry[]

/** What the compiler shows in place of a stage that stands in the wrong place: the message says which, why and what to do. */
export interface Misplaced<Message extends string> {
  readonly misplaced: Message
}

/**
 * Every stage whose place is right becomes `unknown`, the first whose place is wrong a `Misplaced`. A list whose length or stages
 * the compiler cannot know (`Stage[]`) is let through: it is proven when it is loaded, like every list.
 */
export type InOrder<L extends StageList> = number extends L['length']
  ? unknown
  : true extends Loose<L[number]>
    ? unknown
    : Judge<FactsOfAll<L>>

/** What the order depends on. */
interface Facts {
  readonly name: string
  readonly role: string
  readonly needs: string
  readonly wants: string
  readonly gives: string
}

type StageOf<E> = E extends keyof StageNames
  ? StageNames[E]
  : E extends (kit: Kit) => infer S
    ? S
    : E extends { readonly use: infer U }
      ? StageOf<U>
      : E

type FactsOf<S> =
  S extends Stage<infer _, infer K, infer N, infer W, infer P>
    ? // An observer has no `run`, so it gives nothing, and what it wants may come later.
      K extends 'observer'
      ? { name: NameOf<S>; role: K; needs: never; wants: never; gives: never }
      : { name: NameOf<S>; role: K; needs: N; wants: W; gives: P }
    : never

type FactsOfAll<L extends StageList> = { readonly [I in keyof L]: FactsOf<StageOf<L[I]>> }

type NameOf<S> = S extends { readonly name: infer Name extends string } ? Name : never

/** A stage typed as just `Stage` says `any` everywhere, and would satisfy or offend whatever is asked. */
type Loose<E> = E extends unknown ? LooseStage<StageOf<E>> : never
type LooseStage<S> = S extends Stage<infer _, infer K> ? ([unknown] extends [K] ? true : false) : true

/** What is known when a stage's turn comes. */
interface State {
  readonly names: string
  /** Slots. */
  readonly given: string
  readonly router: string
  readonly terminal: string
}
interface Start extends State {
  readonly names: never
  readonly given: never
  readonly router: never
  readonly terminal: never
}

type After<S extends State, H extends Facts> = {
  readonly names: S['names'] | H['name']
  readonly given: S['given'] | H['gives']
  readonly router: H['role'] extends 'router' ? H['name'] : S['router']
  readonly terminal: H['role'] extends 'terminal' ? H['name'] : S['terminal']
}

type Judge<
  L extends readonly unknown[],
  S extends State = Start,
  Out extends readonly unknown[] = [],
> = L extends readonly [infer H extends Facts, ...infer T]
  ? Wrong<H, T, S> extends infer M
    ? [M] extends [never]
      ? Judge<T, After<S, H>, [...Out, unknown]>
      : readonly [...Out, Misplaced<M & string>, ...Unjudged<T>]
    : never
  : [S['terminal']] extends [never]
    ? Misplaced<'the list has no terminal stage: nothing answers; add forward at the end'>
    : readonly [...Out]

type Unjudged<L extends readonly unknown[]> = { readonly [I in keyof L]: unknown }

/** The message of the first rule that `H` breaks; never: none. */
type Wrong<H extends Facts, T extends readonly unknown[], S extends State> =
  H['name'] extends Literal<S['names']>
    ? `stage ${H['name']} is listed twice; remove one`
    : H['role'] extends 'observer'
      ? never
      : [S['terminal']] extends [never]
        ? WrongStart<H, T, S>
        : H['role'] extends 'terminal'
          ? `stage ${H['name']} is a second terminal stage after ${S['terminal']}; a list has one: remove either`
          : `stage ${H['name']} stands after the terminal stage ${S['terminal']} and would never run; move it before ${S['terminal']}`

/** A name that is just `string` is no ground to call two stages one. */
type Literal<Name extends string> = string extends Name ? never : Name

type WrongStart<H extends Facts, T extends readonly unknown[], S extends State> = H['role'] extends 'router'
  ? [S['router']] extends [never]
    ? WrongSlots<H, T, S>
    : `stage ${H['name']} is a second router beside ${S['router']}; a list has one: remove either`
  : [S['router']] extends [never]
    ? [RouterIn<T>] extends [never]
      ? `stage ${H['name']} stands in a list without a router: nothing gives the slot route; put route-match first`
      : `stage ${H['name']} stands before ${RouterIn<T>}, which gives the slot route; move ${RouterIn<T>} to the front`
    : WrongSlots<H, T, S>

type WrongSlots<H extends Facts, T extends readonly unknown[], S extends State> = [H['gives'] & S['given']] extends [
  never,
]
  ?
      | Missing<H, T, Exclude<H['needs'], S['given']>, 'needs'>
      | Missing<H, T, LateIn<T, Exclude<H['wants'], S['given']>>, 'wants'>
  : `stage ${H['name']} provides the slot ${H['gives'] & S['given']}, which a stage before it provides already`

type Missing<
  H extends Facts,
  T extends readonly unknown[],
  Slot extends string,
  Verb extends string,
> = Slot extends unknown
  ? [GiverIn<T, Slot>] extends [never]
    ? `stage ${H['name']} ${Verb} the slot ${Slot}, and no stage of this list provides it; add one before ${H['name']}`
    : `stage ${H['name']} ${Verb} the slot ${Slot}, but ${GiverIn<T, Slot>}, which provides it, stands after it; move ${GiverIn<T, Slot>} before ${H['name']}`
  : never

type RouterIn<T extends readonly unknown[]> =
  Extract<T[number], { readonly role: 'router' }> extends infer R extends Facts ? R['name'] : never

type GiverIn<T extends readonly unknown[], Slot extends string> = T[number] extends infer R
  ? R extends Facts
    ? Slot extends R['gives']
      ? R['name']
      : never
    : never
  : never

type LateIn<T extends readonly unknown[], Slot extends string> = Slot extends unknown
  ? [GiverIn<T, Slot>] extends [never]
    ? never
    : Slot
  : never
