import { type ReadField, readChunks, readFields, values } from './message-reader.ts'

interface ReadAnswer {
  readonly status: number
  readonly fields: readonly ReadField[]
  readonly body: string
  /** All of it came; where only the end of the connection says so, it did not. */
  readonly whole: boolean
}

/** What one connection answered to requests with these methods. Throws where the bytes are no clean answers. */
export function readAnswers(text: string, methods: readonly string[]): ReadAnswer[] {
  const answers: ReadAnswer[] = []
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf('\r\n\r\n', at)
    if (end === -1) return answers
    const [line = '', ...lines] = text.slice(at, end).split('\r\n')
    const status = Number(/^HTTP\/1\.1 (\d{3}) [\t -~\x80-\xff]*$/.exec(line)?.[1])
    const fields = readFields(lines)
    if (Number.isNaN(status) || typeof fields === 'string')
      throw new Error(`no answer: ${JSON.stringify(text.slice(at, at + 300))}`)
    const body = status < 200 ? none(end + 4) : bodyOf(text, end + 4, status, fields, methods[answers.length] ?? 'GET')
    if (status >= 200 || status === 101) answers.push({ status, fields, body: body.text, whole: body.whole })
    at = body.next
  }
  return answers
}

const none = (next: number) => ({ text: '', whole: true, next })

function bodyOf(text: string, at: number, status: number, fields: readonly ReadField[], method: string) {
  const lengths = values({ fields }, 'content-length')
  const codings = values({ fields }, 'transfer-encoding')
  if (lengths.length + codings.length > 1) throw new Error(`two framings: ${JSON.stringify(fields)}`)
  if (method === 'HEAD' || status === 204 || status === 304) return none(at)
  if (codings.length === 1) {
    if (codings[0] !== 'chunked') throw new Error(`an unknown coding: ${codings[0]}`)
    const chunks = readChunks(text, at)
    if (chunks === 'more') return { text: text.slice(at), whole: false, next: text.length }
    if (typeof chunks === 'string') throw new Error(chunks)
    return { text: chunks.body, whole: true, next: chunks.next }
  }
  if (lengths.length === 0) return { text: text.slice(at), whole: false, next: text.length }
  if (!/^\d+$/.test(lengths[0]!)) throw new Error(`no length: ${lengths[0]}`)
  const next = at + Number(lengths[0])
  return { text: text.slice(at, next), whole: next <= text.length, next: Math.min(next, text.length) }
}
