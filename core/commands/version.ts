import { ownPackage } from '../own-package.ts'
import type { Io } from './command.ts'

export function printVersion(io: Io, json: boolean): void {
  const { name, version } = ownPackage()
  io.out(json ? `${JSON.stringify({ name, version })}\n` : `${version}\n`)
}
