// A `console` block of a page as data: each `$ curl` with the answer printed below it.

export interface Asked {
  readonly line: string
  readonly path: string
  readonly init: RequestInit
  /** `HTTP/1.1 503 Service Unavailable`, headers, and a body: as much of them as the page prints. */
  readonly expected: readonly string[]
}

export function curlsOf(text: string): Asked[] {
  return text
    .split(/^\$ /m)
    .filter((part) => part.trim() !== '')
    .map((part) => {
      const [line = '', ...expected] = part.trimEnd().split('\n')
      return { line, expected, ...requestOf(line) }
    })
}

function requestOf(line: string): { path: string; init: RequestInit } {
  const words = [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain!)
  if (words.shift() !== 'curl') throw new Error(`not a curl: ${line}`)
  const headers = new Headers()
  const init: RequestInit = { headers, redirect: 'manual' }
  let path: string | undefined
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === '-X') init.method = words.shift()!
    else if (word === '-H') headers.append(...(words.shift()!.split(/:\s*/, 2) as [string, string]))
    else if (/^http:\/\/localhost:\d+\//.test(word)) path = word.slice(word.indexOf('/', 'http://'.length))
    else if (!/^-[is]+$/.test(word)) throw new Error(`the test does not know ${word} in: ${line}`)
  }
  if (path === undefined) throw new Error(`no URL of the bridge in: ${line}`)
  return { path, init }
}

/** What of the printed answer does not hold; `…` stands for anything. */
export async function differences(response: Response, expected: readonly string[]): Promise<string[]> {
  const body = await response.text()
  return expected.flatMap((line) => {
    const status = /^HTTP\/1\.1 (\d{3})/.exec(line)?.[1]
    if (status !== undefined) return Number(status) === response.status ? [] : [`${line}, but got ${response.status}`]
    const [, name, value] = /^([A-Za-z-]+): (.*)$/.exec(line) ?? []
    const actual = name === undefined ? body.trimEnd() : (response.headers.get(name) ?? '')
    return likeTemplate(value ?? line).test(actual) ? [] : [`${line}, but got ${actual}`]
  })
}

function likeTemplate(text: string): RegExp {
  const parts = text.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('.*')}$`, 's')
}
