// A whole plugin package: plain JavaScript, no build, no dependency. The makers are handed in, so nothing of Bascule is imported.

/** @param {unknown} value `with` of the profile, as it was written */
function validate(value) {
  const { greeting = 'Hello', ...others } = /** @type {Record<string, unknown>} */ (value)
  const issues = Object.keys(others).map((key) => ({ message: `unknown key "${key}"; there is greeting`, path: [key] }))
  if (typeof greeting !== 'string' || !/^[\x20-\x7e]{1,40}$/.test(greeting)) {
    issues.push({ message: 'must be up to 40 printable ASCII characters', path: ['greeting'] })
  }
  return issues.length > 0 ? { issues } : { value: { greeting } }
}

/** Any Standard Schema (https://standardschema.dev) will do: zod, valibot, arktype, or one by hand. */
const options = { '~standard': { version: 1, vendor: 'bascule-plugin-greeter', validate } }

/** @param {{ defineStage: (stage: object) => object }} kit */
export default ({ defineStage }) =>
  defineStage({
    name: 'greeter',
    options,
    wants: ['session'],
    setup: (host) => () => ({
      run: (x) => x.proceed(),
      response(x, head) {
        const session = x.peek('session')
        if (session) head.headers.set('X-Greeting', `${host.options.greeting}, ${nameOf(session.user)}!`)
      },
    }),
  })

/** A header holds bytes, and a name may hold anything: encoded, it can end no line and start no other header. */
function nameOf(user) {
  return encodeURIComponent(String(user.name ?? user.sub).slice(0, 100)).replaceAll('%20', ' ')
}
