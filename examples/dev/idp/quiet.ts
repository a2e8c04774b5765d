// oidc-provider prints notices about its own defaults on import and on use: they would drown what a newcomer is to
// read, and break the TAP of a test. A module of its own, so that it can be imported before oidc-provider.
for (const name of ['info', 'warn'] as const) {
  const say = console[name].bind(console)
  console[name] = (...words: unknown[]) => {
    if (!String(words[0]).includes('oidc-provider ')) say(...words)
  }
}

export {}
