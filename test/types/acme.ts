// What a team outside this repository adds: a slot of its own and an option schema.
import type { StandardSchemaV1 } from '../../core/index.ts'

export interface Tenant {
  readonly id: string
}
declare module '../../core/contract.ts' {
  interface Slots {
    'acme/tenant': Tenant
  }
}

export interface TenantOptions {
  readonly header: string
}
export declare const tenantOptions: StandardSchemaV1<unknown, TenantOptions>
export declare function lookUp(name: string): Promise<Tenant>
