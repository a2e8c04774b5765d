// For `deno run --preload`: tap's stack reader knows a V8 call site by `constructor.name === 'CallSite'`. Deno's call
// sites have no constructor of their own, so every assertion would die while it looks for its own line.
const before = Error.prepareStackTrace

Error.prepareStackTrace = (_error, sites) => {
  const site: object | undefined = sites[0]
  if (site) Object.defineProperty(Object.getPrototypeOf(site), 'constructor', { value: class CallSite {} })
  return ''
}
void new Error().stack

Error.prepareStackTrace = before
