// Users of many sessions ask for many services, in any order, over connections that they share, while tokens are renewed and sessions end.
import { setTimeout as pause } from 'node:timers/promises'
import { loginByFetch } from '../login.ts'
import { audienceOf, type Crowd, type ServiceName, serviceNames } from './crowd.ts'
import type { Echo } from './echo-services.ts'
import { type PipelinedAnswer, PipelinedClient } from './pipelined-client.ts'

interface ShuffleOptions {
  readonly users: number
  readonly ms: number
  readonly connections?: number
  /** Logouts a second; each is followed by a new login of the same user. */
  readonly logouts?: number
}

interface ShuffleResult {
  /** Answers of services. */
  served: number
  /** 401 of sessions that had ended. */
  refused: number
  logouts: number
  /** Refreshes at the provider. */
  renewals: number
  /** Refresh tokens that were used twice. */
  reuses: number
  /** Every answer that was not for who asked, in words. */
  readonly mixed: string[]
  /** Answers that should not have come: status and code. */
  readonly odd: Map<string, number>
}

interface Session {
  readonly sub: string
  readonly cookie: string
  life: 'live' | 'ending' | 'ended'
}

interface Asked {
  readonly session: Session
  readonly service: ServiceName
  readonly path: string
  /** As it was when the request was written. */
  readonly life: Session['life']
}

const pick = <T>(list: readonly T[]): T => list[Math.floor(Math.random() * list.length)] as T

/** What was broken, in words; empty: every promise held. */
export function brokenBy({ mixed, reuses, odd }: ShuffleResult): string[] {
  return [
    ...mixed.slice(0, 5),
    ...(mixed.length > 5 ? [`${mixed.length} answers were for somebody or something else`] : []),
    ...(reuses > 0 ? [`${reuses} refresh tokens were used twice`] : []),
    // A provider on a loaded machine may take longer than a request waits.
    ...[...odd].filter(([what]) => what !== '503 IDP_UNAVAILABLE').map(([what, count]) => `${count} times ${what}`),
  ]
}

export async function shuffle(crowd: Crowd, port: number, options: ShuffleOptions): Promise<ShuffleResult> {
  const { connections = 16, logouts = 5 } = options
  const result: ShuffleResult = {
    ...{ served: 0, refused: 0, logouts: 0, renewals: 0, reuses: 0 },
    ...{ mixed: [], odd: new Map<string, number>() },
  }
  const run = new Run(port, result)
  await run.everybodyIn(options.users)
  const before = count(crowd, 'refresh:')
  const until = performance.now() + options.ms
  await Promise.all([
    ...Array.from({ length: connections }, () => run.clicks(until)),
    run.logouts(until, 1000 / logouts),
  ])
  await run.knockOnce()
  result.renewals = count(crowd, 'refresh:') - before
  result.reuses = count(crowd, 'reuse')
  return result
}

function count({ idp }: Crowd, event: string): number {
  return idp.events.filter((name) => name.startsWith(event)).length
}

class Run {
  readonly #port: number
  readonly #result: ShuffleResult
  readonly #sessions: Session[] = []
  readonly #ended: Session[] = []
  #asked = 0

  constructor(port: number, result: ShuffleResult) {
    this.#port = port
    this.#result = result
  }

  async everybodyIn(users: number): Promise<void> {
    const names = Array.from({ length: users }, (_, n) => `user-${n}`)
    const some = async () => {
      for (let name = names.pop(); name !== undefined; name = names.pop()) this.#sessions.push(await this.#login(name))
    }
    await Promise.all(Array.from({ length: 8 }, some))
  }

  /** One connection at full speed. */
  async clicks(until: number): Promise<void> {
    const client = new PipelinedClient(this.#port)
    while (performance.now() < until) {
      const asked = Array.from({ length: 1 + Math.floor(Math.random() * 4) }, () => this.#ask())
      const answers = await client.ask(asked.map((one) => this.#request('GET', one.path, one.session)))
      for (const [n, one] of asked.entries()) this.#judge(one, answers[n]!)
    }
    client.close()
  }

  async logouts(until: number, every: number): Promise<void> {
    const client = new PipelinedClient(this.#port)
    while (performance.now() < until) {
      const at = Math.floor(Math.random() * this.#sessions.length)
      const session = this.#sessions[at]!
      session.life = 'ending'
      const [answer] = await client.ask([this.#request('POST', '/auth/logout', session)])
      if (answer?.status !== 200) this.#odd(answer, 'logout')
      session.life = 'ended'
      this.#ended.push(session)
      this.#result.logouts++
      this.#sessions[at] = await this.#login(session.sub)
      await pause(every)
    }
    client.close()
  }

  /** With each session that ended, those of the last moment included. */
  async knockOnce(): Promise<void> {
    const client = new PipelinedClient(this.#port)
    for (const session of this.#ended) {
      const asked: Asked = { ...this.#ask(), session, life: 'ended' }
      const [answer] = await client.ask([this.#request('GET', asked.path, session)])
      this.#judge(asked, answer!)
    }
    client.close()
  }

  async #login(sub: string): Promise<Session> {
    const { cookie, callback } = await loginByFetch(`http://127.0.0.1:${this.#port}`, { user: sub })
    await callback.body?.cancel()
    return { sub, cookie, life: 'live' }
  }

  /** One in forty asks with a session that ended. */
  #ask(): Asked {
    const session = this.#ended.length > 0 && Math.random() < 0.025 ? pick(this.#ended) : pick(this.#sessions)
    const service = pick(serviceNames)
    return { session, service, path: `/${service}/${this.#asked++}`, life: session.life }
  }

  #request(method: string, path: string, { cookie }: Session): string {
    const origin = `127.0.0.1:${this.#port}`
    const more = method === 'POST' ? `Origin: http://${origin}\r\nContent-Length: 0\r\n` : ''
    return `${method} ${path} HTTP/1.1\r\nHost: ${origin}\r\nCookie: ${cookie}\r\nSec-Fetch-Site: same-origin\r\n${more}\r\n`
  }

  #judge({ session, service, path, life }: Asked, answer: PipelinedAnswer): void {
    const cookie = /^set-cookie: *([^;\r]*)/im.exec(answer.head)?.[1]
    if (cookie !== undefined && !cookie.endsWith('=') && cookie !== session.cookie)
      this.#result.mixed.push(`${session.sub} was given a cookie with the answer to ${path}`)
    if (answer.status === 401 && session.life !== 'live') this.#result.refused++
    else if (answer.status !== 200) this.#odd(answer, service)
    else if (life === 'ended') this.#result.mixed.push(`${session.sub} was served after the logout: ${answer.body}`)
    else {
      this.#result.served++
      const seen = JSON.parse(answer.body) as Echo
      const own = seen.sub === session.sub && seen.aud === audienceOf(service) && seen.user.endsWith(`:${session.sub}`)
      if (!own || seen.service !== service || `/${service}${seen.path}` !== path)
        this.#result.mixed.push(`${session.sub} asked for ${path} and got ${answer.body}`)
    }
  }

  #odd(answer: PipelinedAnswer | undefined, what: string): void {
    const code = /"code":"(\w+)"/.exec(answer?.body ?? '')?.[1] ?? what
    const name = `${answer?.status} ${code}`
    this.#result.odd.set(name, (this.#result.odd.get(name) ?? 0) + 1)
  }
}
