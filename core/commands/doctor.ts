import { formatFile, formatProblem, Report } from '../config/report.ts'
import type { Diagnosis, Finding } from '../contract.ts'
import { describeDiagnosis, painter } from '../doctor/describe.ts'
import { problemsAsData } from './check.ts'
import { type Args, type Command, configDirectory, configOption, type Io, profileOption, textArg } from './command.ts'

export const doctor: Command = {
  name: 'doctor',
  summary: 'finds which of the places that must agree on an audience does not',
  usage: 'bascule doctor [--idp-config DIR] [--offline] [--as USER] [--config DIR] [--profile NAME] [--json]',
  options: {
    'idp-config': { value: 'DIR', summary: "the identity provider's settings.yaml and clients.yaml" },
    offline: { summary: 'judge by the files alone; nothing is asked of the identity provider' },
    as: { value: 'USER', summary: 'sign in as this test user and mint for real (password: BASCULE_DOCTOR_PASSWORD)' },
    config: configOption,
    profile: profileOption,
  },
  run: runDoctor,
}

async function runDoctor(args: Args, io: Io): Promise<number> {
  const report = new Report()
  const { env } = io
  const { readConfigDirectory } = await import('../config/directory.ts')
  const { loadFrom } = await import('../load/load-config.ts')
  const { examine } = await import('../doctor/examine.ts')
  const directory = await readConfigDirectory(configDirectory(args, io), { report, env })
  const { config } = await loadFrom(directory, report, { profile: textArg(args, 'profile') })
  const found = config && (await examine(config, { directory, report, flags: args, env }))
  if (found === undefined || report.failed) return refuse(report, args, io)
  const findings = found.flatMap((diagnosis) => diagnosis.findings)
  const ok = findings.every((finding) => finding.severity !== 'fault')
  if (args.json) io.out(`${JSON.stringify(asData(ok, found), null, 2)}\n`)
  else io.out(told(found, findings, io))
  return ok ? 0 : 1
}

/** Where the config cannot be loaded the rest could only be guessed; the errors name the place and the likely word. */
function refuse(report: Report, args: Args, io: Io): number {
  const errors = report.problems.filter((problem) => problem.severity === 'error')
  if (args.json) io.out(`${JSON.stringify({ ok: false, problems: problemsAsData(errors) }, null, 2)}\n`)
  else for (const problem of errors) io.err(`${formatProblem(problem)}\n`)
  return 2
}

function told(found: readonly Diagnosis[], findings: readonly Finding[], io: Io): string {
  const paint = painter(io.colours === true && !io.env.NO_COLOR && io.env.TERM !== 'dumb')
  const text = found.map((diagnosis) => describeDiagnosis(diagnosis, paint)).join('\n')
  const faults = findings.filter((finding) => finding.severity === 'fault').length
  const rows = found.reduce((sum, diagnosis) => sum + diagnosis.rows.length, 0)
  if (rows === 0 && findings.length === 0) return 'ok: nothing in this profile has to agree with anything outside\n'
  return `${text}\n${faults === 0 ? paint('green', 'ok: all places agree') : `${faults} ${faults === 1 ? 'fault' : 'faults'}`}\n`
}

function asData(ok: boolean, found: readonly Diagnosis[]) {
  return {
    ok,
    places: found.flatMap((diagnosis) => diagnosis.places),
    rows: found.flatMap((diagnosis) => diagnosis.rows),
    findings: found.flatMap((diagnosis) => diagnosis.findings).map(findingAsData),
  }
}

function findingAsData({ severity, code, subject, where, message, place, change, tell }: Finding) {
  return {
    ...{ severity, code, subject, where, message },
    ...(place && { file: formatFile(place.file), line: place.line, column: place.column }),
    ...{ change, tell },
  }
}
