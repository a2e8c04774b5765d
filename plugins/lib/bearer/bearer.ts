/** Who sent a request on an `auth: bearer` route, as the access token says: the slot `bearer`. It prints without anything of the user. */
export interface Bearer {
  readonly issuer: string
  /** First label of X-Original-User, as for sessions. */
  readonly provider: string
  /** Absent: the token stands for a client of the issuer, not for a user. */
  readonly sub?: string
  readonly clientId?: string
  readonly audiences: readonly string[]
  readonly scopes: ReadonlySet<string>
  /** ms since the epoch. */
  readonly expiresAt: number
}

declare module '../../../core/contract.ts' {
  interface Slots {
    bearer: Bearer
  }
}

export class KnownBearer implements Bearer {
  readonly issuer: string
  readonly provider: string
  readonly sub?: string
  readonly clientId?: string
  readonly audiences: readonly string[]
  readonly scopes: ReadonlySet<string>
  readonly expiresAt: number

  constructor(said: Omit<Bearer, 'provider'>) {
    this.issuer = said.issuer
    this.provider = new URL(said.issuer).hostname
    if (said.sub !== undefined) this.sub = said.sub
    if (said.clientId !== undefined) this.clientId = said.clientId
    this.audiences = said.audiences
    this.scopes = said.scopes
    this.expiresAt = said.expiresAt
  }

  toJSON(): string {
    return `an access token for ${this.audiences.join(', ')}`
  }
}
