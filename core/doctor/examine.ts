import type { ListedStage } from '../compile/profile.ts'
import type { Diagnosis } from '../contract.ts'
import { silent } from '../explain/explain-host.ts'
import { serviceOpener } from '../generation/generation.ts'
import { ServerContext } from '../generation/server-context.ts'
import type { LoadedConfig } from '../load/load-config.ts'
import { Scope } from '../resources/scope.ts'
import { type Practice, PractisingHost } from './doctor-host.ts'

/** Asks every plugin of the profiles that has a `diagnose`, each once; closes whatever they opened. */
export async function examine(config: LoadedConfig, practice: Practice): Promise<readonly Diagnosis[]> {
  const scope = new Scope('doctor', new ServerContext(silent), serviceOpener(config))
  const asked = new Map<object, ListedStage>()
  for (const profile of config.profiles)
    for (const listed of profile.stages) if (!asked.has(listed.stage)) asked.set(listed.stage, listed)
  try {
    const found: Diagnosis[] = []
    for (const { name, stage, options } of asked.values()) {
      if (stage.diagnose === undefined) continue
      found.push(await stage.diagnose(new PractisingHost(scope.child(name), config, options, practice)))
    }
    return found
  } finally {
    await scope.close()
  }
}
