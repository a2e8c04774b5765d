import { Agent } from 'undici'
import { settlesWithin } from '../util/settles-within.ts'

const GRACE_MS = 1_000

/** What undici leaves open for minutes would hold up whoever waits for it. */
const patient: Agent.Options = { connect: { timeout: 5_000 }, headersTimeout: 30_000, bodyTimeout: 30_000 }

export function makeAgent(options: Agent.Options): Agent {
  return new Agent({ ...patient, ...options })
}

/** Calls under way may end, for a moment. */
export async function closeAgent(agent: Agent): Promise<void> {
  if (!(await settlesWithin(GRACE_MS, agent.close()))) await agent.destroy()
}
