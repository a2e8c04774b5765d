// The same bytes to Bascule and to nginx: what each answers, and what its upstream hears.
import { Buffer } from 'node:buffer'
import { connect, type Socket } from 'node:net'
import { setTimeout } from 'node:timers'
import { get, post } from './front.ts'
import { type RawUpstream, rawUpstream, whole } from './raw-upstream.ts'

export interface Compared {
  readonly what: string
  readonly bytes: string
  /** Fields of the upstream's request that the row is about. */
  readonly shows?: RegExp
}

const host = 'Host: app.example\r\n'
const start = `POST /open/x HTTP/1.1\r\n${host}`
const coded = `${start}Transfer-Encoding: chunked\r\n`
const asked = (target: string, more = '') => `GET ${target} HTTP/1.1\r\n${host}${more}\r\n`

export const compared: readonly Compared[] = [
  { what: 'a plain request', bytes: get('/open/x') },
  {
    what: 'Content-Length and Transfer-Encoding',
    bytes: `${start}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  },
  { what: 'two equal Content-Length', bytes: `${start}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc` },
  { what: 'Content-Length: +3', bytes: `${start}Content-Length: +3\r\n\r\nabc` },
  { what: 'an empty Content-Length', bytes: `${start}Content-Length:\r\n\r\n` },
  { what: 'Transfer-Encoding: gzip, chunked', bytes: `${start}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n` },
  { what: 'Transfer-Encoding: identity', bytes: `${start}Transfer-Encoding: identity\r\n\r\n` },
  { what: 'chunks in HTTP/1.0', bytes: `POST /open/x HTTP/1.0\r\n${host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n` },
  { what: 'a chunk size that LF alone ends', bytes: `${coded}\r\n3\nabc\r\n0\r\n\r\n` },
  { what: 'a chunk extension', bytes: `${coded}\r\n3;a=b\r\nabc\r\n0\r\n\r\n` },
  { what: 'a bare LF in a chunk extension', bytes: `${coded}\r\n3;a\nabc\r\n0\r\n\r\n` },
  {
    what: 'a trailer that says who the user is',
    bytes: `${coded}\r\n3\r\nabc\r\n0\r\nX-User-Id: evil\r\n\r\n`,
    shows: /evil/i,
  },
  { what: 'a blank before the colon', bytes: asked('/open/x', 'X-A : 1\r\n'), shows: /x-a/i },
  { what: 'a folded field', bytes: asked('/open/x', 'X-A: 1\r\n 2\r\n'), shows: /x-a/i },
  { what: 'a bare LF behind a field', bytes: asked('/open/x', 'X-A: 1\nX-B: 2\r\n'), shows: /x-[ab]/i },
  { what: 'a bare CR in a value', bytes: asked('/open/x', 'X-A: 1\rX-B: 2\r\n'), shows: /x-[ab]/i },
  { what: 'a NUL in a value', bytes: asked('/open/x', 'X-A: 1\0\r\n'), shows: /x-a/i },
  { what: 'an escape character in a value', bytes: asked('/open/x', 'X-A: \x1b[1m\r\n'), shows: /x-a/i },
  {
    what: 'X-Forwarded-For of a client',
    bytes: asked('/open/x', 'X-Forwarded-For: evil\r\n'),
    shows: /forwarded-for/i,
  },
  { what: 'X_User_Id of a client', bytes: asked('/open/x', 'X_User_Id: evil\r\n'), shows: /user_id/i },
  { what: 'X-Original-URL of a client', bytes: asked('/open/x', 'X-Original-URL: /admin\r\n'), shows: /original/i },
  { what: 'Proxy of a client (httpoxy)', bytes: asked('/open/x', 'Proxy: http://evil\r\n'), shows: /proxy/i },
  { what: 'Connection names X-A', bytes: asked('/open/x', 'X-A: 1\r\nConnection: X-A\r\n'), shows: /x-a/i },
  { what: 'two Host', bytes: `GET /open/x HTTP/1.1\r\n${host}${host}\r\n` },
  { what: 'no Host', bytes: 'GET /open/x HTTP/1.1\r\n\r\n' },
  { what: 'Host: a@app.example', bytes: 'GET /open/x HTTP/1.1\r\nHost: a@app.example\r\n\r\n' },
  { what: '/open/../guarded/x', bytes: asked('/open/../guarded/x') },
  { what: '/guarded/../open/x', bytes: asked('/guarded/../open/x') },
  { what: '/open/%2e%2e/guarded/x', bytes: asked('/open/%2e%2e/guarded/x') },
  { what: '/open/..;/guarded/x', bytes: asked('/open/..;/guarded/x') },
  { what: '/open/a%2fb', bytes: asked('/open/a%2fb') },
  { what: '/open/a%2f..%2fb', bytes: asked('/open/a%2f..%2fb') },
  { what: '/open/a%5cb', bytes: asked('/open/a%5cb') },
  { what: '/open//b', bytes: asked('/open//b') },
  { what: '//open/x', bytes: asked('//open/x') },
  { what: '/open/x#y', bytes: asked('/open/x#y') },
  { what: '/open/x%00y', bytes: asked('/open/x%00y') },
  { what: '/open/x%0d%0aX-A:%201', bytes: asked('/open/x%0d%0aX-A:%201') },
  { what: '/open/%zz', bytes: asked('/open/%zz') },
  { what: 'a blank in the target', bytes: asked('/open/a b') },
  { what: 'http://evil.example/open/x', bytes: asked('http://evil.example/open/x') },
  { what: 'TRACE', bytes: asked('/open/x').replace('GET', 'TRACE') },
  { what: 'CONNECT', bytes: asked('app.example:80').replace('GET', 'CONNECT') },
  { what: 'get in lower case', bytes: asked('/open/x').replace('GET', 'get') },
  { what: 'HTTP/2.0 in the request line', bytes: asked('/open/x').replace('HTTP/1.1', 'HTTP/2.0') },
  { what: 'HTTP/0.9', bytes: 'GET /open/x\r\n' },
  {
    what: 'Expect: something',
    bytes: post('abc', '/open/x', 'Content-Length: 3\r\nExpect: something\r\n'),
    shows: /expect/i,
  },
  { what: 'an LF before the request line', bytes: `\n${get('/open/x')}` },
]

export function comparedUpstream(): Promise<RawUpstream> {
  return rawUpstream(answerWhole)
}

/** Answers what is there to its end, chunks or length. */
export function answerWhole(text: string, socket: Socket): void {
  if (isWhole(text)) socket.end(whole('fine', 'Connection: close'))
}

function isWhole(text: string): boolean {
  const body = text.indexOf('\r\n\r\n') + 4
  if (body < 4) return false
  const head = text.slice(0, body)
  if (/\r\ntransfer-encoding: *chunked/i.test(head)) return /(^|\r\n)0\r\n(.+\r\n)*\r\n$/.test(text.slice(body))
  return text.length - body >= Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0)
}

/** Statuses, and what reached the upstream, in the words of the table. */
export async function outcome(url: string, upstream: RawUpstream, { bytes, shows }: Compared): Promise<string> {
  const before = upstream.heard.map((text) => text.length)
  const said = await talk(url, bytes + asked('/open/next', 'Connection: close\r\n'))
  const statuses = [...said.matchAll(/HTTP\/1\.[01] (\d{3})/g)]
    .map(([, status]) => status)
    .filter((status) => status !== '100')
  const heard = upstream.heard
    .map((text, i) => text.slice(before[i] ?? 0))
    .map((text) => summary(text, shows))
    .filter((text) => !/^(torn: .*|GET \/next.*)?$/.test(text))
  return `${statuses.join(', ') || 'closed'}${heard.map((text) => ` → \`${text}\``).join('')}`
}

function summary(text: string, shows = /^(transfer-encoding|content-length):/i): string {
  const [head = ''] = text.split('\r\n\r\n')
  const [line = '', ...fields] = head.split('\r\n')
  const shown = [...fields, ...(/\r\n0\r\n(.+)\r\n\r\n$/.exec(text)?.slice(1) ?? [])].filter((field) =>
    shows.test(field),
  )
  const words = [
    isWhole(text) ? '' : 'torn: ',
    line.replace(/ HTTP\/1\.[01]$/, ''),
    ...shown.map((field) => ` + ${field}`),
  ].join('')
  return words.replace(/[^ -~]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`).replaceAll('|', '\\|')
}

function talk(url: string, bytes: string): Promise<string> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve) => {
    let said = ''
    const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true })
    const quiet = setTimeout(() => socket.end(), 1500)
    socket.on('data', (piece: Buffer) => {
      said += piece.toString('latin1')
      quiet.refresh()
    })
    socket.on('error', () => {})
    socket.on('end', () => socket.destroy())
    socket.on('close', () => {
      clearTimeout(quiet)
      resolve(said)
    })
    socket.write(Buffer.from(bytes, 'latin1'))
  })
}
