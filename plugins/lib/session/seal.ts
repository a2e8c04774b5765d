// What a store keeps is sealed: a dump of it yields neither a session nor a token, without the cookie's id and a key of the ring.
import { Buffer } from 'node:buffer'
import { createCipheriv, createDecipheriv, hash, hkdfSync, randomBytes } from 'node:crypto'

const version = 1
const ivLength = 12
const tagLength = 16
/** version, key id, IV, tag. */
const headLength = 1 + 4 + ivLength + tagLength

interface RingKey {
  /** In the header, so that opening tries one key and not all; says nothing about the key. */
  readonly id: Buffer
  readonly secret: string
}

/** Server keys, newest first: the newest seals, all of them open. */
export class KeyRing {
  readonly #keys: readonly RingKey[]

  constructor(secrets: readonly string[]) {
    if (secrets.length === 0) throw new Error('a key ring needs a key')
    this.#keys = secrets.map((secret) => ({
      id: Buffer.from(hash('sha256', `bascule key id\0${secret}`, 'hex').slice(0, 8), 'hex'),
      secret,
    }))
  }

  /**
   * AES-256-GCM. The key is made of the ring's and of `id`, which only the browser holds; so each key seals a handful of values, and a
   * random 96-bit IV cannot repeat. `place`, the store's key, is bound in: a value moved to another place does not open.
   */
  seal(id: string, place: string, plain: Uint8Array): Uint8Array {
    const [key] = this.#keys as readonly [RingKey]
    const iv = randomBytes(ivLength)
    const cipher = createCipheriv('aes-256-gcm', derive(key, id), iv)
    cipher.setAAD(bound(key, place))
    const sealed = [cipher.update(plain), cipher.final()]
    return Buffer.concat([Buffer.from([version]), key.id, iv, cipher.getAuthTag(), ...sealed])
  }

  /** Undefined for whatever does not open: another id, place or ring, a changed byte. One answer for all: no oracle. */
  open(id: string, place: string, sealed: Uint8Array): Uint8Array | undefined {
    const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength)
    const key = this.#keys.find((one) => one.id.equals(bytes.subarray(1, 5)))
    if (key === undefined || bytes.length < headLength || bytes[0] !== version) return undefined
    const iv = bytes.subarray(5, 5 + ivLength)
    try {
      const decipher = createDecipheriv('aes-256-gcm', derive(key, id), iv, { authTagLength: tagLength })
      decipher.setAAD(bound(key, place))
      decipher.setAuthTag(bytes.subarray(5 + ivLength, headLength))
      return Buffer.concat([decipher.update(bytes.subarray(headLength)), decipher.final()])
    } catch {
      return undefined
    }
  }

  sealJson(id: string, place: string, value: unknown): Uint8Array {
    return this.seal(id, place, Buffer.from(JSON.stringify(value)))
  }

  /** The shape is ours: nobody else can seal. */
  openJson<T>(id: string, place: string, sealed: Uint8Array): T | undefined {
    const plain = this.open(id, place, sealed)
    return plain === undefined ? undefined : (JSON.parse(Buffer.from(plain).toString()) as T)
  }

  /** The word under which something is to be found again: the newest key's. */
  index(kind: string, ...words: readonly string[]): string {
    return this.indexes(kind, ...words)[0] as string
  }

  /** All words it may stand under: what was put there before a rotation has an older key's. */
  indexes(kind: string, ...words: readonly string[]): string[] {
    const framed = [kind, ...words].map((word) => `${Buffer.byteLength(word)}:${word}`).join('')
    return this.#keys.map(({ secret }) =>
      Buffer.from(hkdfSync('sha256', secret, framed, 'bascule index v1', 32)).toString('base64url'),
    )
  }
}

function derive(key: RingKey, id: string): Buffer {
  return Buffer.from(hkdfSync('sha256', key.secret, id, 'bascule seal v1', 32))
}

function bound(key: RingKey, place: string): Buffer {
  return Buffer.concat([Buffer.from([version]), key.id, Buffer.from(place)])
}

let ownKey: string | undefined

/** Without configured keys one is made for the process: a reload must not end every session. */
export function processKey(): string {
  ownKey ??= randomBytes(32).toString('base64url')
  return ownKey
}
