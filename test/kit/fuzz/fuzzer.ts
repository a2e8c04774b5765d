// One bridge between clients that send what the grammar makes, and an upstream that judges what comes of it.
import { Buffer } from 'node:buffer'
import { connect } from 'node:net'
import { clearTimeout, setTimeout } from 'node:timers'
import { answer, type Script } from './answer-grammar.ts'
import { readAnswers } from './answer-reader.ts'
import { expectations } from './expected.ts'
import { judgeAnswers } from './judge-answers.ts'
import type { JudgedUpstream } from './judged-upstream.ts'
import { Random } from './random.ts'
import { connection, type Sent } from './request-grammar.ts'

/** How long a client may be left without an end of its connection: far beyond every limit of the bridge that is fuzzed. */
const patience = 30_000
/** Most clients whose bytes left a message undone say after so long that they are done; few wait for the bridge's own limits. */
const silence = 150

export interface Case extends Sent {
  readonly seed: number
  /** What its targets have in common with no others. */
  readonly mark: string
  readonly scripts: readonly Script[]
  /** Its upstream answers anything, to this client and to all others. */
  readonly hostile: boolean
}

export interface Finding {
  readonly case: Case
  readonly broken: readonly string[]
}

/** Settings of the bridge under `server`: what stalls ends soon. */
export const impatient = 'timeouts: { headers: 4s, body_idle: 4s, keep_alive: 4s }, limits: { connections: 2000 }'

/** Settings of its service: a machine that is busy with other things is no fault of the upstream's. */
export const unhurried = 'timeout: 20s, connect_timeout: 20s'

function makeCase(seed: number, hostile: boolean): Case {
  const random = new Random(seed)
  const mark = markOf(seed)
  const sent = connection(random, mark)
  return { ...sent, seed, mark, hostile, scripts: Array.from({ length: 8 }, () => answer(random, hostile)) }
}

/** Of one length, so that another mark changes no framing. */
export function markOf(number: number, first = '0'): string {
  return first + number.toString(36).padStart(6, '0')
}

export class Fuzzer {
  cases = 0
  /** That the connections asked for, each up to the first of its requests that two readers could disagree about. */
  requests = 0
  readonly #bridge: { readonly hostname: string; readonly port: string }
  readonly #upstream: JudgedUpstream
  readonly #running = new Set<string>()

  constructor(url: string, upstream: JudgedUpstream) {
    this.#bridge = new URL(url)
    this.#upstream = upstream
  }

  /** Runs cases from `seed` on, `width` at a time, until `more` says no or one breaks a promise. */
  async run(
    seed: number,
    hostile: boolean,
    width: number,
    more: (cases: number) => boolean,
  ): Promise<Finding | undefined> {
    let found: Finding | undefined
    let next = seed
    const lane = async () => {
      while (!found && more(next - seed)) {
        const one = makeCase(next++, hostile)
        const broken = await this.one(one)
        if (broken.length > 0) found ??= { case: one, broken }
        found ??= this.#upstreamsFinding(hostile)
      }
    }
    await Promise.all(Array.from({ length: width }, lane))
    return found ?? this.#upstreamsFinding(hostile)
  }

  async one(one: Case): Promise<string[]> {
    const text = one.atoms.join('')
    const { all, methods } = expectations(text, (i) => one.scripts[i % one.scripts.length]!)
    this.#upstream.await(all)
    this.#running.add(one.mark)
    const said = await this.#talk(text, new Random(one.seed), methods, one.pure)
    this.#upstream.gone(all)
    this.cases += 1
    this.requests += methods.length
    this.#running.delete(one.mark)
    const { broken } = this.#upstream
    const own = broken.filter(({ mark }) => mark === one.mark).map(({ why }) => why)
    if (own.length > 0) broken.splice(0, broken.length, ...broken.filter(({ mark }) => mark !== one.mark))
    if (said === undefined) return [...own, `no end of the connection within ${patience} ms`]
    try {
      return [...own, ...judgeAnswers(all, methods, said, one.pure, one.hostile)]
    } catch (error) {
      return [...own, (error as Error).message]
    }
  }

  /** What the upstream heard of a client that was done: it belongs to the case whose mark it has. */
  #upstreamsFinding(hostile: boolean): Finding | undefined {
    const late = this.#upstream.broken.find(({ mark }) => !this.#running.has(mark))
    if (!late) return undefined
    const seed = Number.parseInt(late.mark, 36)
    return { case: makeCase(Number.isNaN(seed) ? 0 : seed, hostile), broken: [late.why] }
  }

  /** All that comes back, in pieces sent as they fall; undefined where no end comes. */
  #talk(text: string, random: Random, methods: readonly string[], pure: boolean): Promise<string | undefined> {
    const { hostname, port } = this.#bridge
    return new Promise((resolve) => {
      let said = ''
      const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true, noDelay: true })
      const late = setTimeout(() => end(undefined), patience)
      const patient = pure || random.chance(0.02)
      const quiet = setTimeout(() => patient || socket.end(), silence)
      const end = (what: string | undefined) => {
        clearTimeout(late)
        clearTimeout(quiet)
        socket.destroy()
        resolve(what)
      }
      socket.on('data', (piece: Buffer) => {
        said += piece.toString('latin1')
        quiet.refresh()
        if (toldToClose(said, methods)) socket.end()
      })
      socket.on('error', () => {})
      socket.on('end', () => end(said))
      socket.on('close', () => end(said))
      for (const piece of pieces(text, random)) socket.write(Buffer.from(piece, 'latin1'))
    })
  }
}

function pieces(text: string, random: Random): string[] {
  if (random.chance(0.5)) return [text]
  const cuts = [
    0,
    ...random.some(
      Array.from({ length: 20 }, () => random.below(text.length)),
      5,
    ),
    text.length,
  ]
  cuts.sort((a, b) => a - b)
  return cuts
    .slice(1)
    .map((cut, i) => text.slice(cuts[i], cut))
    .filter((piece) => piece !== '')
}

function toldToClose(said: string, methods: readonly string[]): boolean {
  if (!/\r\nconnection: close\r\n/i.test(said)) return false
  try {
    const last = readAnswers(said, methods).at(-1)
    return (
      last?.whole === true && last.fields.some(({ name, value }) => /^connection$/i.test(name) && value === 'close')
    )
  } catch {
    return true
  }
}
