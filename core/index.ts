// What plugins import. Everything else in core/ is the host's own.
export type * from './contract.ts'
export { defineEndpoint, defineService, defineStage } from './define.ts'
export { type ErrorCode, errorCodes, fault, isFault, statusOf, titleOf } from './errors.ts'
export type { StandardSchemaV1 } from './standard-schema.ts'
