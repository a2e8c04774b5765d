import { generateKeyPairSync } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import { exportJWK, type JSONWebKeySet } from 'jose'
import t from 'tap'
import { KeySet, KeysUnavailable } from '../../../../plugins/lib/bearer/key-set.ts'

t.test('tokens that name unknown keys wait for a slow issuer in small number, and known keys not at all', async (t) => {
  const jwk = await exportJWK(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey)
  const known: JSONWebKeySet = { keys: [{ ...jwk, kid: 'known', alg: 'ES256' }] }
  const release: ((keys: JSONWebKeySet) => void)[] = []
  let asked = 0
  const keys = new KeySet(() =>
    asked++ === 0 ? Promise.resolve(known) : new Promise((resolve) => release.push(resolve)),
  )
  const token = { payload: '', signature: '' }
  const key = async (kid: string): Promise<unknown> => keys.key({ alg: 'ES256', kid }, token)
  await key('known')

  const { now } = performance
  t.intercept(performance, 'now', { value: () => now.call(performance) + 60_000 })
  const floods = Array.from({ length: 64 }, (_, i) => key(`made up ${i}`).catch((error: unknown) => error))
  const first = await Promise.race(floods)
  t.ok(first instanceof KeysUnavailable, 'the rest are told so at once')
  await key('known')
  t.equal(asked, 2)

  release[0]!({ keys: [...known.keys, { ...jwk, kid: 'made up 0', alg: 'ES256' }] })
  const ends = await Promise.all(floods)
  t.equal(ends.filter((end) => end instanceof KeysUnavailable).length, 48)
  t.notOk(ends[0] instanceof Error, 'who waited, and whose key is there now, is served')
})

t.test('how old keys may get, and how often an unknown one or a failure costs the issuer a request', async (t) => {
  const jwk = await exportJWK(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey)
  let away = false
  let asked = 0
  const keys = new KeySet(async () => {
    asked++
    if (away) throw new Error('away')
    return { keys: [{ ...jwk, kid: 'known', alg: 'ES256' }] }
  })
  const key = async (kid: string): Promise<unknown> => keys.key({ alg: 'ES256', kid }, { payload: '', signature: '' })
  const { now } = performance
  let moved = 0
  t.intercept(performance, 'now', { value: () => now.call(performance) + moved })

  await key('known')
  for (let n = 0; n < 5; n++) await t.rejects(key(`made up ${n}`), { code: 'ERR_JWKS_NO_MATCHING_KEY' })
  t.equal(asked, 1, 'they were fetched just now')
  moved += 31_000
  for (let n = 0; n < 5; n++) await t.rejects(key(`made up ${n}`), { code: 'ERR_JWKS_NO_MATCHING_KEY' })
  t.equal(asked, 2)

  away = true
  moved += 23 * 3_600_000
  await key('known')
  t.ok(await key('known'), 'an issuer that is away keeps its keys')
  moved += 3_600_000
  await t.rejects(key('known'), /cannot be had/, 'not for ever')
  const failed = asked
  await t.rejects(key('known'), /cannot be had/)
  t.equal(asked, failed, 'and is not asked at each token')
  away = false
  moved += 1_100
  t.ok(await key('known'))
  moved += 24 * 3_600_000
  t.ok(await key('known'), 'an old failure is forgotten')
})
