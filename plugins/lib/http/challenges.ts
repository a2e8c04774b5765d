// WWW-Authenticate is a list of challenges in which both challenges and their parameters are parted by commas (RFC 9110 §11.6.1).
import { listElements } from './list-elements.ts'

/** The value without its challenges of `scheme` (lower case); empty when there were no others. */
export function withoutChallenge(value: string, scheme: string): string {
  const kept: string[] = []
  let dropping = false
  for (const element of listElements(value)) {
    const begins = schemeOf(element)
    if (begins !== undefined) dropping = begins === scheme
    if (!dropping) kept.push(element)
  }
  return kept.join(', ')
}

/** The scheme that an element begins, in lower case; undefined when it is one more parameter (`name=value`, blanks allowed). */
function schemeOf(element: string): string | undefined {
  const end = element.search(/[\s=]/)
  if (end === -1) return element.toLowerCase()
  return element.slice(end).trimStart().startsWith('=') ? undefined : element.slice(0, end).toLowerCase()
}
