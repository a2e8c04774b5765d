import { z } from 'zod'
import { defineEndpoint, type Exchange, type Reply } from '../../core/index.ts'
import { authParts, loginSections, noStore, storeAway } from '../lib/login/login-parts.ts'
import { makeSessionEnder } from '../lib/session/end-sessions.ts'
import { openStore } from '../lib/session/open-store.ts'
import { ringOf } from '../lib/session/sessions.ts'

const word = z.string().min(1)
const wanted = z.strictObject({ sub: word.optional(), sid: word.optional() })
const usage =
  'Send JSON: {"sub": "…"} ends all sessions of a user, {"sid": "…"} those of one session at the identity provider.'

/** The kill switch for operators: all sessions of a user, whatever browsers they are in. */
export default defineEndpoint({
  name: 'end-sessions',
  listener: 'admin',
  sections: loginSections,
  paths: () => [{ id: 'end-sessions', path: '/sessions/end', methods: ['POST'], auth: 'none' }],
  async setup(host) {
    const { bridge, idp, log } = (await authParts(host)).first
    const session = host.section('session')
    const store = await openStore(host, session.store)
    const ender = makeSessionEnder(store, ringOf(session), bridge.sessions)
    return () => async (x) => {
      const whose = await whoseOf(x)
      if (whose === undefined) return x.reply(400, 'BAD_REQUEST', { detail: usage })
      try {
        const ended = await ender.end({ issuer: idp.issuer, ...whose }, 'operator')
        log.info({ issuer: idp.issuer, sessions: ended, correlation_id: x.id }, 'sessions_ended')
        return json(x, { ended })
      } catch (cause) {
        return storeAway(x, cause)
      }
    }
  },
})

async function whoseOf(x: Exchange): Promise<z.infer<typeof wanted> | undefined> {
  const text = new TextDecoder().decode(await x.body.bytes(16 * 1024))
  try {
    const { data } = wanted.safeParse(JSON.parse(text))
    return data?.sub === undefined && data?.sid === undefined ? undefined : data
  } catch {
    return undefined
  }
}

function json(x: Exchange, value: object): Reply {
  return x.reply(200, 'OK', { headers: ['Content-Type', 'application/json', ...noStore], body: JSON.stringify(value) })
}
