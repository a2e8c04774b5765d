import type { ConfigDocument, Path } from '../config/document.ts'
import type { Place, Report } from '../config/report.ts'

type Mapping = ConfigDocument['value']

const deepest = 100
/** Where a secret is likely to stand: no message may show it, whoever quotes it. */
const secretKey = /secret|password|private_key|^keys$/

/** Where a path of the document stands in what was given: `['auth', 'issuer']` in `settings`. */
type Rooted = (path: Path) => Path

/**
 * Config given as data, as the same kind of document that a YAML file is. It is copied: what the caller changes afterwards changes
 * nothing here. Only plain data is taken, since options are compared and shared by their JSON; a function would be lost on the way.
 */
export function dataDocument(value: object, report: Report, rooted: Rooted = (path) => path): ConfigDocument {
  const copier = new Copier(report, (path) => placeOf(rooted(path)))
  const copy = copier.mapping(value, [])
  return {
    file: root,
    value: copy,
    reads: [],
    place: (path) => placeOf(rooted(path)),
    broken: (path) => copier.broken.some((bad) => bad.every((key, i) => String(key) === String(path[i]))),
  }
}

const root = 'createBascule()'

/** `createBascule().routes[0].path` */
export function placeOf(path: Path): Place {
  const steps = path.map((key) => {
    if (typeof key === 'number') return `[${key}]`
    const name = String(key)
    return /^[A-Za-z_$][\w$]*$/.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`
  })
  return { file: root, line: 1, column: 1, path: root + steps.join('') }
}

class Copier {
  readonly broken: Path[] = []
  readonly #report: Report
  readonly #place: (path: Path) => Place

  constructor(report: Report, place: (path: Path) => Place) {
    this.#report = report
    this.#place = place
  }

  /** Without a prototype, as in a YAML document: `constructor` is a key like any other, and there only if written. */
  mapping(value: object, path: Path): Mapping {
    const made: Mapping = Object.create(null)
    for (const [key, inner] of Object.entries(value)) {
      const at = [...path, key]
      if (key === '__proto__') this.#refuse(at, 'the key __proto__ is not allowed')
      else if (inner !== undefined) made[key] = this.#value(inner, at)
    }
    return made
  }

  #value(value: unknown, path: Path): unknown {
    if (typeof value === 'string') return this.#text(value, path)
    if (value === null || typeof value === 'number' || typeof value === 'boolean') return value
    const problem = path.length > deepest ? 'is nested too deeply, or holds itself' : problemOf(value)
    if (problem) return this.#refuse(path, `${String(path.at(-1))} ${problem}`)
    return Array.isArray(value)
      ? Array.from(value, (inner: unknown, i) => this.#value(inner, [...path, i]))
      : this.mapping(value as object, path)
  }

  /** What only YAML files replace must not pass for a secret of seven letters. */
  #text(value: string, path: Path): string | undefined {
    const [, variable] = /^\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-.*)?\}$/.exec(value) ?? []
    if (variable !== undefined)
      return this.#refuse(path, `\${${variable}} is replaced in YAML files only; write process.env.${variable}`)
    if (/^file:\S/.test(value)) return this.#refuse(path, 'file: is read in YAML files only; read the file yourself')
    if (path.some((key) => secretKey.test(String(key)))) this.#report.hide(value)
    return value
  }

  #refuse(path: Path, message: string): undefined {
    this.#report.error(this.#place(path), message)
    this.broken.push(path)
    return undefined
  }
}

function problemOf(value: unknown): string | undefined {
  const cure = 'config is plain data: text, numbers, true and false, null, lists and maps'
  if (typeof value === 'function')
    return 'is a function, and config is plain data; make the stage in a function that closes over it'
  if (typeof value !== 'object') return `is ${value === undefined ? 'undefined' : `a ${typeof value}`}; ${cure}`
  if (Array.isArray(value)) return undefined
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === null || prototype === Object.prototype) return undefined
  return `is an object of the class ${(value as object).constructor?.name || 'unknown'}; ${cure}`
}
