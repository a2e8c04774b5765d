import { formatPlace } from '../config/report.ts'
import type { Diagnosis, Finding } from '../contract.ts'

/** Puts text into a colour, or leaves it. */
type Paint = (colour: 'red' | 'green' | 'yellow' | 'bold' | 'dim', text: string) => string

const codes = { red: 31, green: 32, yellow: 33, bold: 1, dim: 2 } as const

export function painter(colours: boolean): Paint {
  return colours ? (colour, text) => `\u001b[${codes[colour]}m${text}\u001b[0m` : (_, text) => text
}

const width = 80

/** The table, then what to change; for people, in 80 columns. */
export function describeDiagnosis({ places, rows, findings }: Diagnosis, paint: Paint): string {
  const lines = [...table(places, rows, paint)]
  for (const finding of findings) lines.push('', ...describeFinding(finding, paint))
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`
}

function table(places: Diagnosis['places'], rows: Diagnosis['rows'], paint: Paint): string[] {
  if (rows.length === 0) return []
  const heads = ['', ...places.map((place) => place.title)]
  const cells = rows.map(({ subject, state }) => [safe(subject), ...places.map(({ key }) => safe(state[key] ?? '-'))])
  const widths = heads.map((head, at) => Math.max(head.length, ...cells.map((row) => row[at]!.length)))
  // Names of services may be long: the table gives way there, and nowhere else.
  const rest = widths.slice(1).reduce((sum, one) => sum + one + 2, 0)
  widths[0] = Math.max(8, Math.min(widths[0]!, width - rest))
  return [
    paint(
      'dim',
      heads
        .map((head, at) => head.padEnd(widths[at]!))
        .join('  ')
        .trimEnd(),
    ),
    ...cells.map((row) =>
      row
        .map((cell, at) => paintCell(cut(cell, widths[at]!).padEnd(widths[at]!), at, paint))
        .join('  ')
        .trimEnd(),
    ),
  ]
}

function paintCell(cell: string, at: number, paint: Paint): string {
  if (at === 0) return cell
  const word = cell.trimEnd()
  const colour = word === 'ok' ? 'green' : word === '-' ? 'dim' : 'red'
  return `${paint(colour, word)}${cell.slice(word.length)}`
}

function describeFinding({ severity, place, message, change, tell }: Finding, paint: Paint): string[] {
  const word = severity === 'fault' ? paint('red', 'fault') : paint('yellow', 'advice')
  const lines = [`${place === undefined ? '' : `${paint('bold', formatPlace(place))} `}${word}`]
  lines.push(...wrap(safe(message), '  '))
  if (change !== undefined) {
    lines.push(change.edit === 'add' ? '  add below it:' : '  write instead:')
    lines.push(...change.text.split('\n').map((line) => `    ${paint('green', safe(line))}`))
  }
  if (tell !== undefined) lines.push('  tell its owner:', ...wrap(safe(tell), '    '))
  return lines
}

/** Words are never broken: an audience must stay whole to be pasted. */
function wrap(text: string, indent: string): string[] {
  const lines: string[] = []
  let line = indent
  for (const word of text.split(' ')) {
    if (line.length > indent.length && line.length + word.length + 1 > width) {
      lines.push(line)
      line = indent
    }
    line += line.length > indent.length ? ` ${word}` : word
  }
  return [...lines, line]
}

function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`
}

/** Values of foreign files and answers must not move the cursor. */
function safe(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]+/gu, (found) => (/^ +$/.test(found) ? found : ' ')).trimEnd()
}
