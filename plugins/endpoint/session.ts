import { defineEndpoint, type Exchange, type Reply } from '../../core/index.ts'
import { type AuthParts, authParts, loginSections, noStore, storeAway } from '../lib/login/login-parts.ts'
import type { Presented } from '../lib/session/session-reader.ts'

/** Says to the page who is signed in and which services can be called. State and identity, never a token (BBA-17). */
export default defineEndpoint({
  name: 'session',
  sections: loginSections,
  paths: () => [
    { id: 'auth-session', path: '/auth/session', methods: ['GET'], auth: 'none' },
    { id: 'api-auth-session', path: '/api/auth/session', methods: ['GET'], auth: 'none' },
  ],
  async setup(host) {
    const origins = await authParts(host)
    return () => async (x) => {
      const parts = origins.of(x)
      if (parts === undefined) return json(x, { authenticated: false })
      try {
        return status(x, parts, await parts.reader.read(x))
      } catch (cause) {
        return storeAway(x, cause)
      }
    }
  },
})

function status(x: Exchange, { bridge, reader, log }: AuthParts, presented: Presented): Reply {
  if (presented.kind !== 'session') return json(x, { authenticated: false }, reader.farewell(presented))
  const { session } = presented
  const services = bridge.broker.states(session)
  const services_count = Object.values(services).filter(({ state }) => state === 'ready' || state === 'mintable').length
  log.info({ services_count, correlation_id: x.id }, 'Session status check successful')
  const expires_at = new Date(session.endsAt).toISOString()
  return json(x, { authenticated: true, user: session.user, expires_at, services_count, services })
}

function json(x: Exchange, value: object, headers: readonly string[] = []): Reply {
  const body = JSON.stringify(value)
  return x.reply(200, 'OK', { headers: [...headers, 'Content-Type', 'application/json', ...noStore], body })
}
