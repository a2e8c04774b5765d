// What plugins import, and programs that embed a bridge. Everything else in core/ is the host's own.
export { ConfigError, type Place, type Problem, type Severity } from './config/report.ts'
export { didYouMean, distance as editDistance } from './config/suggest.ts'
export type * from './contract.ts'
export { defineEndpoint, defineService, defineStage } from './define.ts'
export { type Bascule, createBascule } from './embed/create-bascule.ts'
export type { GivenPlugin } from './embed/given-plugins.ts'
export type {
  BasculeConfig,
  BasculeOptions,
  Duration,
  Logger,
  RouteData,
  ServerData,
  ServiceData,
  Size,
} from './embed/options.ts'
export type { InOrder, Misplaced, StageEntry, StageLike, StageList, StageNames, StageUse } from './embed/stage-list.ts'
export { type ErrorCode, errorCodes, fault, isFault, statusOf, titleOf } from './errors.ts'
export type { StandardSchemaV1 } from './standard-schema.ts'
export { mapInTurns } from './util/time-slices.ts'
