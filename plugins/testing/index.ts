// `bascule/testing`: what authors of plugins test with, whatever test framework they use. docs/testing.md is its page.
export * from '../../core/testing/index.ts'
export type { Lease, SessionStore, Stored } from '../lib/session/session-store.ts'
export type { Grant, Minted, Minter, MintRefused, MintWish, TokenAnswer, TokenEndpoint } from '../lib/token/minter.ts'
export { type FakeIdp, type FakeIdpOptions, fakeIdp } from './fake-idp.ts'
export { type MinterCase, type MinterContractInput, minterContract } from './minter-contract.ts'
export { type SessionStoreContractInput, sessionStoreContract } from './session-store-contract.ts'
