import { hash, randomBytes } from 'node:crypto'

/** 256 random bits as 43 base64url characters: session ids, login handles, state, nonce. */
export function randomId(): string {
  return randomBytes(32).toString('base64url')
}

/** Judged before anything is hashed, looked up or compared: what a client sends is never a key as it came. */
export function isRandomId(text: string | undefined): text is string {
  return text !== undefined && text.length === 43 && /^[A-Za-z0-9_-]{43}$/.test(text)
}

export function sha256(text: string): string {
  return hash('sha256', text, 'base64url')
}
