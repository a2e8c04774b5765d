import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import type { TestLike } from './bascule.ts'
import { startUpstream } from './upstream.ts'

export interface Question {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: Readonly<Record<string, unknown>>
}

export interface FakePdp {
  readonly url: string
  /** Every question that came, in order. */
  readonly questions: readonly Question[]
  /** What is answered from now on. */
  answer: (question: Question, res: ServerResponse) => void
}

/** A decision point that answers what the test says; at first it allows everything. */
export async function startPdp(t: TestLike): Promise<FakePdp> {
  const questions: Question[] = []
  const { url } = await startUpstream(t, async (req, res) => {
    let text = ''
    for await (const piece of req.setEncoding('utf8')) text += piece
    const { method = '', url: target = '', headers } = req
    const question = { method, url: target, headers, body: JSON.parse(text) as Question['body'] }
    questions.push(question)
    pdp.answer(question, res)
  })
  const pdp: FakePdp = { url, questions, answer: says({ decision: true }) }
  return pdp
}

/** A whole answer: text as it is, anything else as JSON. */
export function says(answer: unknown, status = 200): FakePdp['answer'] {
  return (_question, res) => {
    res.writeHead(status, { 'content-type': 'application/json' })
    res.end(typeof answer === 'string' ? answer : JSON.stringify(answer))
  }
}
