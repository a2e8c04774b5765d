// Event streams and long polls (`streaming: true`): unbuffered, without an idle timeout, and no longer than their session.
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import t from 'tap'
import { type LiveBridge, startLiveBridge } from '../kit/live-bridge.ts'
import { type LoggedIn, loginByFetch } from '../kit/login.ts'

interface Opened {
  readonly far: ServerResponse
  readonly answer: Response
  /** The next piece, as text; undefined at the end; rejects where it breaks off. */
  next(): Promise<string | undefined>
  rest(): Promise<string>
}

const waiting: ((far: ServerResponse) => void)[] = []
/** Of the service's next answer. */
let head: Record<string, string> = {}

function answer(_req: IncomingMessage, res: ServerResponse): void {
  res.writeHead(200, head)
  res.flushHeaders()
  waiting.shift()?.(res)
}

const shared = startLiveBridge(t, { answer })

/** A user of a bridge, and streams that begin with `fields`. */
async function start(fields: Record<string, string>, running: Promise<LiveBridge> = shared) {
  const bridge = await running
  const user = await loginByFetch(bridge.origin)
  head = fields
  const open = async (path = '/live/events'): Promise<Opened> => {
    const far = new Promise<ServerResponse>((resolve) => waiting.push(resolve))
    const response = await user.fetch(path)
    const reader = response.body!.getReader()
    const decoder = new TextDecoder()
    const next = async () => {
      const { value, done } = await reader.read()
      return done ? undefined : decoder.decode(value, { stream: true })
    }
    const rest = async () => {
      let text = ''
      for (let piece = await next(); piece !== undefined; piece = await next()) text += piece
      return text
    }
    return { far: await far, answer: response, next, rest }
  }
  return { bridge, user, open }
}

async function signOut({ origin }: LiveBridge, user: LoggedIn): Promise<void> {
  await (await user.fetch('/auth/logout', { method: 'POST', headers: { origin } })).body?.cancel()
}

const events = { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' }
const farewell = /^event: session-ended\ndata: \{"code":"SESSION_REQUIRED","correlation_id":"[^"]+"\}\n\n$/

t.test('each event arrives when it is sent', async (t) => {
  const { open } = await start(events)
  const { far, next, rest } = await open()
  for (const text of ['data: one\n\n', ': a comment\n\n', 'data: two\n\n']) {
    far.write(text)
    t.equal(await next(), text)
  }
  far.end('data: three\n\n')
  t.equal(await rest(), 'data: three\n\n')
})

t.test('a session that ends says so in a last event, and the stream ends in order', async (t) => {
  const { bridge, user, open } = await start(events)
  const { far, next, rest } = await open()
  far.write('data: one\r\n\r\n')
  await next()
  const gone = once(far, 'close')
  await signOut(bridge, user)
  t.match(await rest(), farewell)
  await gone
})

t.test('before the first event, too', async (t) => {
  const { bridge, user, open } = await start(events)
  const { rest } = await open()
  await signOut(bridge, user)
  t.match(await rest(), farewell)
})

t.test('an event that is half through is let end, and nothing behind it passes', async (t) => {
  const { bridge, user, open } = await start(events)
  const { far, next, rest } = await open()
  far.write('data: half')
  await next()
  await signOut(bridge, user)
  far.write(' and whole\n\ndata: never\n\n')
  const text = await rest()
  t.equal(text.slice(0, 12), ' and whole\n\n')
  t.match(text.slice(12), farewell)
})

t.test('an event that does not end is cut off', async (t) => {
  const { bridge, user, open } = await start(events)
  const { far, next, rest } = await open()
  far.write('data: half')
  await next()
  await signOut(bridge, user)
  await t.rejects(rest())
})

t.test('other answers, and those in which an event has no room, are reset', async (t) => {
  const heads: Record<string, string>[] = [
    { 'content-type': 'application/octet-stream' },
    { ...events, 'content-encoding': 'identity-of-ours' },
    { ...events, 'content-length': '1000' },
  ]
  for (const each of heads) {
    const { bridge, user, open } = await start(each)
    const { far, next, rest } = await open()
    far.write('some\n\n')
    await next()
    await signOut(bridge, user)
    await t.rejects(rest(), JSON.stringify(each))
  }
})

t.test('a stream that nobody is signed in for goes on', async (t) => {
  const { bridge, user, open } = await start(events)
  const { far, next } = await open('/open/events')
  await signOut(bridge, user)
  far.write('data: still here\n\n')
  t.equal(await next(), 'data: still here\n\n')
  far.end()
})

t.test('a long poll whose session ends while it waits is answered 401', async (t) => {
  const asked: (() => void)[] = []
  const bridge = await startLiveBridge(t, { answer: () => asked.shift()?.() })
  const user = await loginByFetch(bridge.origin)
  const arrived = new Promise<void>((resolve) => asked.push(resolve))
  const poll = user.fetch('/live/poll')
  await arrived
  await signOut(bridge, user)
  const answer = await poll
  t.equal(answer.status, 401)
  t.match(await answer.json(), { code: 'SESSION_REQUIRED' })
})

t.test('watching is no use of a session: it goes idle, and the stream ends', async (t) => {
  const { open } = await start(events, startLiveBridge(t, { answer, settings: 'session: { idle_timeout: 2s }' }))
  const { far, rest } = await open()
  const talk = setInterval(() => far.write('data: tick\n\n'), 100)
  t.teardown(() => clearInterval(talk))
  t.match(await rest(), /event: session-ended/)
})
