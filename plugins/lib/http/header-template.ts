// `{route}` and its like in a header's value: a few names with known shapes, and nothing of the client's own text.
import type { Route } from '../../../core/index.ts'

/** What a value may be made of, beside what the route alone says. */
interface TemplateSource {
  /** Of the session, as it may stand in a header; undefined: there is none. */
  readonly user: string | undefined
  readonly correlation_id: string
  /** The one the request goes to, where a stage chose it. */
  readonly service: string
}

/** Undefined: a part of it is not there, and neither is the header. */
export type ValueMaker = (source: TemplateSource) => string | undefined

const names = ['route', 'service', 'user', 'correlation_id'] as const
const placeholder = /\{([^{}]*)\}/g

/** What is wrong with it, as the end of a sentence; undefined: nothing. */
export function valueProblem(value: string): string | undefined {
  for (const [, name = ''] of value.matchAll(placeholder)) {
    if (!(names as readonly string[]).includes(name))
      return `holds {${name}}, which stands for nothing; there are ${names.map((each) => `{${each}}`).join(', ')}`
  }
  return undefined
}

export function namesUser(value: string): boolean {
  return value.includes('{user}')
}

/** What the route alone says is filled in once; the rest in one pass, so that no part of a value is read as a placeholder. */
export function compileValue(value: string, route: Route): ValueMaker {
  const fixed = value.replaceAll('{route}', () => route.id)
  if (!later.test(fixed)) return () => fixed
  return (source) => {
    if (source.user === undefined && namesUser(fixed)) return undefined
    return fixed.replaceAll(everyLater, (_, name: keyof TemplateSource) => source[name] ?? '')
  }
}

const later = /\{(service|user|correlation_id)\}/
const everyLater = new RegExp(later, 'g')
