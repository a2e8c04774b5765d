/** A request as the strictest reader would take it. */
export interface StrictRequest {
  readonly line: string
  /** As they came, in their order. */
  readonly fields: readonly string[]
  /** With its chunks, where it came in chunks. */
  readonly body: string
  /** Values of a field, by its name in any case. */
  all(name: string): string[]
}

/** Splits what a connection heard into requests; throws where any two readers could disagree. */
export function requestsIn(heard: string): StrictRequest[] {
  const requests: StrictRequest[] = []
  for (let rest = heard; rest !== ''; ) {
    const end = rest.indexOf('\r\n\r\n')
    const [line = '', ...fields] = rest.slice(0, end).split('\r\n')
    if (end === -1 || !/^[A-Z-]+ \/[!-~]* HTTP\/1\.1$/.test(line))
      throw new Error(`no request: ${JSON.stringify(rest)}`)
    for (const field of fields) {
      if (!/^[\w!#$%&'*+\-.^`|~]+: ?[\t -~\x80-\xff]*$/.test(field))
        throw new Error(`no field: ${JSON.stringify(field)}`)
    }
    const all = (name: string) => fields.filter((field) => nameOf(field) === name.toLowerCase()).map(contentOf)
    const [lengths, codings] = [all('content-length'), all('transfer-encoding')]
    if (lengths.length + codings.length > 1 || all('host').length !== 1) throw new Error(`ambiguous: ${fields.join()}`)
    if (codings[0] !== undefined && codings[0] !== 'chunked') throw new Error(`unknown coding: ${codings[0]}`)
    const size = codings.length > 0 ? chunkedSize(rest.slice(end + 4)) : Number(lengths[0] ?? 0)
    const body = rest.slice(end + 4, end + 4 + size)
    requests.push({ line, fields, body, all })
    rest = rest.slice(end + 4 + size)
  }
  return requests
}

function nameOf(field: string): string {
  return field.slice(0, field.indexOf(':')).toLowerCase()
}

function contentOf(field: string): string {
  return field.slice(field.indexOf(':') + 1).trim()
}

function chunkedSize(rest: string): number {
  for (let at = 0; ; ) {
    const [line, hex] = /^([0-9A-Fa-f]+)\r\n/.exec(rest.slice(at, at + 20)) ?? []
    if (line === undefined) throw new Error(`no chunk: ${JSON.stringify(rest.slice(at))}`)
    const size = Number.parseInt(hex!, 16)
    at += line.length + size
    if (rest.slice(at, at + 2) !== '\r\n') throw new Error(`a chunk without its end: ${JSON.stringify(rest.slice(at))}`)
    at += 2
    if (size === 0) return at
  }
}
