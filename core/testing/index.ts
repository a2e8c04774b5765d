// The test kit of plugin authors, as far as core goes; plugins/testing/ adds what knows of tokens and sessions.
export type { LogLine } from './captured-log.ts'
export {
  type FakeAnswer,
  type FakeUpstream,
  fakeUpstream,
  type SeenRequest,
  type UpstreamHandler,
} from './fake-upstream.ts'
export type { RequestInput, TestAnswer } from './memory-exchange.ts'
export {
  type AnswerInput,
  type RunInput,
  type RunningStage,
  runStage,
  type StageOrMaker,
  type StageRun,
  setUpStage,
} from './run-stage.ts'
export type { StageInput } from './stage-config.ts'
export { type StageContractInput, stageContract, type TestFunction } from './stage-contract.ts'
export {
  type ConfigFile,
  type ConfigFiles,
  type RunningBascule,
  type StartInput,
  startBascule,
} from './start-bascule.ts'
