// What may reach the upstream for the bytes of one client, by the second reading of them.
import type { Script } from './answer-grammar.ts'
import { type ReadField, type ReadHead, type ReadRequest, readRequest, values } from './message-reader.ts'

export interface Expected {
  readonly head: ReadHead
  /** What the upstream is asked for; undefined where no route leads to it. */
  readonly path: string | undefined
  /** Undefined where it never ends well: then no upstream may see a whole request. */
  readonly body: string | undefined
  readonly script: Script
  readonly fields: readonly string[]
  arrivals: number
}

/** All that a proxy may take for a request, in order, up to the first that is in doubt. */
export function expectations(text: string, script: (i: number) => Script): { all: Expected[]; methods: string[] } {
  const all: Expected[] = []
  for (let at = 0; ; ) {
    const read = readRequest(text, at, false)
    if (read.head) all.push(expected(read, read.head, script(all.length)))
    const methods = all.map(({ head }) => head.method)
    if (read.kind !== 'whole') return { all, methods: read.head ? methods : [...methods, firstWord(text, at)] }
    if (isLast(read.head)) return { all, methods }
    at = read.next
  }
}

function expected(read: ReadRequest, head: ReadHead, script: Script): Expected {
  const body = read.kind === 'whole' ? read.body : undefined
  return { head, path: upstreamPath(head.target), body, script, fields: passedOn(head), arrivals: 0 }
}

/** A parser that refuses what follows may have taken its first word for the method: HEAD has an answer without a body. */
function firstWord(text: string, at: number): string {
  return /^[\r\n]*HEAD\b/.test(text.slice(at)) ? 'HEAD' : 'GET'
}

function isLast(head: ReadHead): boolean {
  const options = values(head, 'connection').join(',').toLowerCase()
  return /(^|[,\s])close($|[,\s])/.test(options) || (head.version === '1.0' && !options.includes('keep-alive'))
}

function upstreamPath(target: string): string | undefined {
  const origin = /^http:\/\/app\.example(:80)?(?=\/)/i.exec(target)?.[0] ?? ''
  const path = target.slice(origin.length)
  return path.startsWith('/open/') ? path.slice('/open'.length) : undefined
}

const hop = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authorization',
  'proxy-authenticate',
  'te',
  'trailer',
  'upgrade',
  'http2-settings',
  'transfer-encoding',
  'content-length',
  'expect',
]
const ours = [
  'host',
  'via',
  'forwarded',
  'cookie',
  'authorization',
  'x-correlation-id',
  'traceparent',
  'tracestate',
  'proxy',
]
const oursToSay = /^x-(forwarded-.*|user-.*|original-.*|rewrite-.*|http-method.*|real-ip)$/
const dropped = new Set([...hop, ...ours])

/** Fields that go through untouched: none of the connection, none that is ours to say in any spelling. */
export function passedOn(head: { readonly fields: readonly ReadField[] }): string[] {
  const nominated = values(head, 'connection').flatMap((value) =>
    value.split(',').map((name) => name.trim().toLowerCase()),
  )
  return head.fields
    .filter(({ name }) => {
      const plain = name.toLowerCase().replaceAll('_', '-')
      return !dropped.has(plain) && !oursToSay.test(plain) && !nominated.includes(name.toLowerCase())
    })
    .map(({ name, value }) => `${name}: ${value}`)
}

const spoofed =
  /^(x-(forwarded-(for|proto|host|prefix|port|server|user)|user-(id|email)|original-(user|url)|rewrite-url|http-method-override|real-ip)|forwarded|proxy|proxy-authorization|proxy-connection|keep-alive|trailer|te|cookie)$/

/** A value that the grammar gives to nothing but what a client may not say. */
export function isSpoofed({ name, value }: ReadField): boolean {
  return value.includes('evil') && spoofed.test(name.toLowerCase().replaceAll('_', '-'))
}
