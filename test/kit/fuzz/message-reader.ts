// A second reading of HTTP/1.1, written from RFC 9112 alone: what no two readers could disagree about, and nothing else.

export interface ReadField {
  readonly name: string
  readonly value: string
}

export interface ReadHead {
  readonly method: string
  readonly target: string
  readonly version: '1.0' | '1.1'
  readonly fields: readonly ReadField[]
}

/** `more`: not all there; `bad`: refused by this reading. Both may have a head that was fine. */
export type ReadRequest =
  | { readonly kind: 'more' | 'bad'; readonly why: string; readonly head?: ReadHead }
  | { readonly kind: 'whole'; readonly head: ReadHead; readonly body: string; readonly next: number }

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const content = /^[\t -~\x80-\xff]*$/

export function values(head: { readonly fields: readonly ReadField[] }, name: string): string[] {
  return head.fields.filter((field) => field.name.toLowerCase() === name).map(({ value }) => value)
}

export function readFields(lines: readonly string[]): ReadField[] | string {
  const fields: ReadField[] = []
  for (const line of lines) {
    const colon = line.indexOf(':')
    const name = line.slice(0, Math.max(colon, 0))
    const value = line.slice(colon + 1)
    if (!token.test(name) || !content.test(value)) return `no field: ${JSON.stringify(line.slice(0, 100))}`
    fields.push({ name, value: value.replace(/^[\t ]+|[\t ]+$/g, '') })
  }
  return fields
}

/** One request from `at` on. Line ends before it are skipped, as both runtimes do, even by half; `strict` is for what a proxy writes: none before it, single blanks, origin form. */
export function readRequest(text: string, at: number, strict: boolean): ReadRequest {
  let start = at
  while (!strict && /[\r\n]/.test(text[start] ?? '')) start += 1
  const end = text.indexOf('\r\n\r\n', start)
  if (end === -1) return { kind: 'more', why: 'no end of the head' }
  const [line = '', ...lines] = text.slice(start, end).split('\r\n')
  const parts = (strict ? /^([^ ]+) (\/[!-~]*) HTTP\/(1\.1)$/ : /^([^ ]+)[\t ]+([^\s]+)[\t ]+HTTP\/(1\.[01])$/).exec(
    line,
  )
  if (!parts || !token.test(parts[1]!)) return { kind: 'bad', why: `no request line: ${JSON.stringify(line)}` }
  const fields = readFields(lines)
  if (typeof fields === 'string') return { kind: 'bad', why: fields }
  const head = { method: parts[1]!, target: parts[2]!, version: parts[3] as '1.0' | '1.1', fields }
  const hosts = values(head, 'host').length
  if (hosts > 1 || (hosts === 0 && head.version === '1.1')) return { kind: 'bad', why: `${hosts} hosts` }
  return readBody(text, end + 4, head)
}

function readBody(text: string, at: number, head: ReadHead): ReadRequest {
  const lengths = values(head, 'content-length')
  const codings = values(head, 'transfer-encoding')
  if (lengths.length + codings.length > 1) return { kind: 'bad', why: 'two framings' }
  if (codings.length === 1) {
    if (codings[0]!.toLowerCase() !== 'chunked' || head.version === '1.0') return { kind: 'bad', why: 'a coding' }
    const body = readChunks(text, at)
    return typeof body === 'string' ? { kind: body === 'more' ? 'more' : 'bad', why: body, head } : { ...body, head }
  }
  if (lengths.length === 1 && !/^\d{1,15}$/.test(lengths[0]!)) return { kind: 'bad', why: 'a length' }
  const next = at + Number(lengths[0] ?? 0)
  if (text.length < next) return { kind: 'more', why: 'a body that is not all there', head }
  return { kind: 'whole', head, body: text.slice(at, next), next }
}

/** The body in its chunks; `more`, or what is wrong with it. */
export function readChunks(
  text: string,
  start: number,
):
  | { readonly kind: 'whole'; readonly body: string; readonly next: number; readonly trailers: readonly ReadField[] }
  | string {
  let body = ''
  for (let at = start; ; ) {
    const end = text.indexOf('\r\n', at)
    if (end === -1) return 'more'
    const line = /^(0*[0-9a-fA-F]{1,12})([\t ]*;[\t -~\x80-\xff]*)?$/.exec(text.slice(at, end))
    if (!line) return `no chunk size: ${JSON.stringify(text.slice(at, end).slice(0, 100))}`
    const size = Number.parseInt(line[1]!, 16)
    at = end + 2
    if (size === 0) return readTrailers(text, at, body)
    if (text.length < at + size + 2) return 'more'
    if (!text.startsWith('\r\n', at + size)) return 'a chunk without its end'
    body += text.slice(at, at + size)
    at += size + 2
  }
}

function readTrailers(text: string, at: number, body: string) {
  if (text.startsWith('\r\n', at)) return { kind: 'whole' as const, body, next: at + 2, trailers: [] }
  const end = text.indexOf('\r\n\r\n', at)
  if (end === -1) return 'more'
  const trailers = readFields(text.slice(at, end).split('\r\n'))
  return typeof trailers === 'string' ? trailers : { kind: 'whole' as const, body, next: end + 4, trailers }
}
