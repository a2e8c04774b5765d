import { likely } from '../config/suggest.ts'

/** What may stand in a plugin, by kind: a misspelt hook or key would otherwise be silently without effect. */
const common = ['api', 'name', 'kind', 'options', 'sections', 'routeKeys', 'cookies', 'refs']
const stageKeys = [
  ...common,
  'role',
  'needs',
  'wants',
  'provides',
  'requires',
  'timeout',
  'guards',
  'also',
  'brings',
  'applies',
  'problems',
  'conflicts',
  'nearMisses',
  'diagnose',
  'explain',
  'setup',
]
const endpointKeys = [...common, 'listener', 'needs', 'wants', 'paths', 'setup']
const serviceKeys = [...common, 'open']

const lists = ['needs', 'wants', 'provides', 'guards', 'also', 'brings']

/** What is wrong with it, as the end of a sentence that begins with its name; undefined: it is a plugin. */
export function notAPlugin(made: unknown): string | undefined {
  if (typeof made !== 'object' || made === null)
    return 'has no default export made by defineStage, defineEndpoint or defineService'
  const plugin = made as Record<string, unknown>
  if (typeof plugin.name !== 'string' || plugin.name === '') return 'has no name'
  const kind = plugin.kind ?? 'stage'
  const keys = kind === 'stage' ? stageKeys : kind === 'endpoint' ? endpointKeys : serviceKeys
  const stray = Object.keys(plugin).find((key) => !keys.includes(key))
  if (stray) {
    const guess = likely(stray, keys)
    return `has an unknown key ${stray}${guess ? ` (did you mean ${guess}?)` : ''}`
  }
  const odd = lists.find((key) => plugin[key] !== undefined && !isListOfText(plugin[key]))
  if (odd) return `has ${odd} that is no list of names; write ${odd}: ['name']`
  if (plugin.options !== undefined && !isSchema(plugin.options))
    return 'has options that are no Standard Schema; write e.g. options: z.strictObject({…}) with zod'
  const start = kind === 'stage' || kind === 'endpoint' ? 'setup' : 'open'
  if (typeof plugin[start] !== 'function') return `has no ${start} function`
  if (plugin.role !== undefined && !['router', 'filter', 'terminal', 'observer'].includes(String(plugin.role))) {
    return `has an unknown role ${String(plugin.role)}; roles are router, filter, terminal and observer`
  }
  // Taken for public, it would hand operators' work to everybody.
  if (plugin.listener !== undefined && plugin.listener !== 'public' && plugin.listener !== 'admin')
    return `has an unknown listener ${String(plugin.listener)}; listeners are public and admin`
  if (plugin.role === 'observer' && Array.isArray(plugin.provides) && plugin.provides.length > 0) {
    return `is an observer, which has no run to give a slot with, but provides ${plugin.provides.join(', ')}; make it a filter`
  }
  return undefined
}

function isListOfText(value: unknown): boolean {
  return Array.isArray(value) && value.every((each) => typeof each === 'string')
}

/** A schema of some libraries is a function. */
function isSchema(value: unknown): boolean {
  const holds = (typeof value === 'object' && value !== null) || typeof value === 'function'
  return holds && typeof (value as { readonly '~standard'?: unknown })['~standard'] === 'object'
}
