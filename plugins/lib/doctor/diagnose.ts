import type { Diagnosis, DoctorHost } from '../../../core/index.ts'
import { Case, places } from './case.ts'
import { readIdpFiles } from './idp-files.ts'
import { judgeAudienceAtIdp } from './judge-audience.ts'
import { judgeClient } from './judge-client.ts'
import { judgeLive } from './judge-live.ts'
import { judgeRedirects } from './judge-redirects.ts'
import { judgeSettings } from './judge-settings.ts'

/** Whether everybody who must agree on the services' audiences does. Reads; the only thing it may change is a test user's own grant. */
export async function diagnose(host: DoctorHost<unknown>): Promise<Diagnosis> {
  const { 'idp-config': dir } = host.flags
  const idp = typeof dir === 'string' ? readIdpFiles(host, dir) : undefined
  const c = new Case(host, idp)
  judgeSettings(c)
  if (idp !== undefined && judgeClient(c, idp)) {
    for (const service of c.tokens.keys()) judgeAudienceAtIdp(c, idp, service)
    judgeRedirects(c, idp)
  }
  if (host.flags.offline !== true) await judgeLive(c)
  return { places, rows: c.rows, findings: c.findings }
}
