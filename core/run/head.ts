import type { Head, RawHeaders } from '../contract.ts'
import { fault } from '../errors.ts'
import { firstValue, isFraming, isWritableField, removeAll } from './raw-headers.ts'

/** The head of an answer while response hooks edit it. */
export class LiveHead implements Head {
  status: number
  readonly by: Head['by']
  readonly headers: Head['headers']

  constructor(status: number, raw: RawHeaders, by: Head['by']) {
    this.status = status
    this.by = by
    this.headers = new HeadFields(raw)
  }
}

class HeadFields {
  readonly raw: RawHeaders

  constructor(raw: RawHeaders) {
    this.raw = raw
  }

  get(name: Lowercase<string>): string | undefined {
    return firstValue(this.raw, name)
  }

  set(name: string, value: string): void {
    const lower = mayWrite(name, value)
    removeAll(this.raw, lower)
    this.raw.push(name, value)
  }

  append(name: string, value: string): void {
    mayWrite(name, value)
    this.raw.push(name, value)
  }

  delete(name: Lowercase<string>): void {
    removeAll(this.raw, mayWrite(name, ''))
  }
}

function mayWrite(name: string, value: string): string {
  const lower = name.toLowerCase()
  if (isFraming(lower)) throw fault('INTERNAL', `a response hook may not touch ${name}: framing is the host's`)
  if (!isWritableField(name, value)) throw fault('INTERNAL', `a response hook gave ${name} a value that cannot be sent`)
  return lower
}
