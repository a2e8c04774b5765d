import { generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import { readClientKey } from '../../../../plugins/lib/idp/client-key.ts'

const pem = { type: 'pkcs8', format: 'pem' } as const
const ec = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve }).privateKey
const rsa = (modulusLength: number) => generateKeyPairSync('rsa', { modulusLength }).privateKey

t.test('the algorithm follows from the key', async (t) => {
  for (const [curve, alg] of [
    ['P-256', 'ES256'],
    ['P-384', 'ES384'],
    ['P-521', 'ES512'],
  ] as const)
    t.strictSame(readClientKey(ec(curve).export(pem) as string).algs, [alg])
  t.equal(readClientKey(rsa(2048).export(pem) as string).algs[0], 'RS256')
  t.equal(readClientKey(generateKeyPairSync('ed25519').privateKey.export(pem) as string).algs[0], 'EdDSA')
})

t.test('a JWK says its own algorithm and kid', async (t) => {
  const jwk = { ...rsa(2048).export({ format: 'jwk' }), kid: 'this-one', alg: 'PS256' }
  const { algs, kid } = readClientKey(JSON.stringify(jwk))
  t.strictSame({ algs, kid }, { algs: ['PS256'], kid: 'this-one' })
})

t.test('what cannot sign is refused in words that hold nothing of it', async (t) => {
  const { d, ...open } = ec('P-256').export({ format: 'jwk' })
  const locked = { ...pem, cipher: 'aes-256-cbc', passphrase: 'x' } as const
  const spki = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ type: 'spki', format: 'pem' })
  for (const [text, why] of [
    ['hello', 'neither a PEM private key nor a JWK'],
    ['{ hello', 'begins like a JWK but is no JSON'],
    [JSON.stringify(open), 'is a public key'],
    [JSON.stringify({ keys: [{ ...open, d }] }), 'is a key set'],
    [JSON.stringify({ kty: 'oct', k: 'c2VjcmV0', d: 'x' }), 'cannot sign'],
    [JSON.stringify({ ...open, d, alg: 'RS256' }), 'says alg RS256'],
    [ec('P-256').export(locked) as string, 'is encrypted'],
    [spki as string, 'is a public key or certificate'],
    [rsa(1024).export(pem) as string, 'less than 2048 bits'],
    [generateKeyPairSync('x25519').privateKey.export(pem) as string, 'cannot sign'],
  ] as const)
    t.throws(() => readClientKey(text), { message: new RegExp(why) }, why)
})
