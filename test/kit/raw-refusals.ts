import type { Test } from 'tap'
import { get } from './front.ts'
import { chosen, type RawBridge } from './raw-bridge.ts'

export interface Refusal {
  /** Of the demand or the advisory; see test/README.md. */
  readonly ids: string
  readonly what: string
  readonly bytes: string
  readonly status: number
  /** The framing is not in doubt: the connection may be used again. */
  readonly kept?: true
}

/** Each is answered once, as a problem, and told once; where the framing is in doubt the connection ends, and nothing behind it runs. */
export function refuses(t: Test, bridge: () => RawBridge, cases: readonly Refusal[]): void {
  for (const { ids, what, bytes, status, kept } of chosen(cases)) {
    t.test(`${ids}: ${what} is refused with ${status}`, async (t) => {
      const { bascule } = bridge()
      const told = () => bascule.lines.filter((line) => line.outcome !== undefined).length
      const before = told()
      const { client, ...answer } = await bridge().ask(bytes + get('/open/smuggled'))
      t.equal(answer.status, status)
      t.equal(answer.headers.get('content-type'), 'application/problem+json')
      const { correlation_id, ...problem } = JSON.parse(answer.body)
      t.equal(problem.status, status, 'the body says the same')
      t.equal(answer.headers.get('x-correlation-id'), correlation_id)
      if (status === 405) t.ok(answer.headers.has('allow'))
      if (status === 401) t.equal(answer.headers.get('www-authenticate'), 'Session')
      if (kept) {
        t.match(await client.answers(2), [{ status }, { status: 200, body: 'fine' }])
        client.close()
      } else {
        await client.ended
        t.equal(client.text.split(/HTTP\/1\.1 \d/).length, 2, 'one answer')
      }
      await bascule.line((line) => line.correlation_id === correlation_id && line.outcome === 'rejected', 0)
      t.equal(told(), before + (kept ? 2 : 1), 'told once')
      t.same(
        bridge()
          .arrived()
          .map(({ line }) => line),
        kept ? ['GET /smuggled HTTP/1.1'] : [],
      )
    })
  }
}
