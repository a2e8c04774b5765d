import { join } from 'node:path'
import type { z } from 'zod'
import { type ConfigDocument, readDocument } from '../../../core/config/document.ts'
import { type Problem, Report } from '../../../core/config/report.ts'
import { validate } from '../../../core/config/validate.ts'
import { clientsFile, policyOf, settingsFile } from '../../../plugins/lib/doctor/idp-files.ts'
import type { Policy } from '../../../plugins/lib/doctor/idp-policy.ts'

/** Reads `settings.yaml` and `clients.yaml` of the directory. No policy: the problems say why, each with its place. */
export function readPolicy(
  dir: string,
  env: Readonly<Record<string, string | undefined>>,
): { readonly policy: Policy | undefined; readonly problems: readonly Problem[] } {
  const report = new Report()
  const settings = readAs(settingsFile, join(dir, 'settings.yaml'), env, report)
  const clients = readAs(clientsFile, join(dir, 'clients.yaml'), env, report)
  if (settings === undefined || clients === undefined || report.failed)
    return { policy: undefined, problems: report.problems }
  return { policy: policyOf(settings, clients), problems: report.problems }
}

function readAs<T>(
  schema: z.ZodType<T>,
  file: string,
  env: Readonly<Record<string, string | undefined>>,
  report: Report,
): T | undefined {
  const document = readDocument(file, { report, env })
  if (document === undefined) return undefined
  const data = validate(schema, document.value, { document, path: [], report })
  if (data !== undefined) noticeIgnored(document, document.value, data, [], report)
  return data
}

/** The two files belong to another program: what it reads and we do not is said, not refused. */
function noticeIgnored(
  document: ConfigDocument,
  written: unknown,
  taken: unknown,
  path: PropertyKey[],
  report: Report,
): void {
  if (typeof written !== 'object' || written === null) return
  for (const [key, value] of Object.entries(written)) {
    const here = [...path, Array.isArray(written) ? Number(key) : key]
    if (typeof taken === 'object' && taken !== null && Object.hasOwn(taken, key))
      noticeIgnored(document, value, Reflect.get(taken, key), here, report)
    else report.notice(document.place(here, 'key'), `${key} is not read by the development identity provider`)
  }
}
