import t from 'tap'
import type { Step } from '../../../core/run/program.ts'
import { invalidVerdict, say, type Word } from '../../../core/run/verdict.ts'

const plain = { name: 's', number: 1, reads: new Set<string>(), timeout: 1, run: undefined, response: undefined }
const filter: Step = { ...plain, settled: undefined, terminal: false, provides: ['route'] }
const terminal: Step = { ...filter, terminal: true, provides: [] }
const here = {}

function judge(word: Word, step: Step, { by = here, position = 3, words = 1 } = {}): string | undefined {
  return invalidVerdict(say(word, by, position), step, here, 3, words)
}

const proceed: Word = { kind: 'proceed', values: { route: {} as never } }
const reply: Word = { kind: 'reply', status: 403, code: 'FORBIDDEN', extra: {} }
const stream: Word = { kind: 'stream', source: { start() {}, room() {}, stop() {} } }

t.test('a verdict counts for the request and the stage it was said in, and for no other', async (t) => {
  t.equal(judge(proceed, filter), undefined)
  t.equal(judge(reply, filter), undefined)
  t.equal(judge(stream, terminal), undefined)
  t.match(judge(proceed, filter, { by: {} }), /another request/)
  t.match(judge(proceed, filter, { position: 2 }), /an earlier stage/)
  for (const words of [0, 2]) t.match(judge(proceed, filter, { words }), new RegExp(`said ${words} verdicts`))
})

t.test('a filter goes on or replies, a terminal stage answers, and slots are those that were promised', async (t) => {
  t.match(judge(stream, filter), /no terminal stage/)
  t.match(judge(proceed, terminal), /but proceeded/)
  t.match(judge({ kind: 'proceed', values: undefined }, filter), /promised the slot route/)
  t.match(judge({ kind: 'proceed', values: { route: {} as never, more: 1 } as never }, filter), /does not provide/)
})

t.test('whatever else comes back is none', async (t) => {
  for (const value of [undefined, null, true, {}, { word: proceed, by: here, position: 3 }])
    t.match(invalidVerdict(value, filter, here, 3, 1), /no verdict/)
})
