/** settings.yaml of a bridge whose identity provider is never asked: for what ends before a login matters. */
export function settings(more = ''): string {
  return `
auth: { issuer: "http://127.0.0.1:9", client_id: bff, client_secret: a-secret-of-the-test }
service_audiences: { api: "https://api.example" }
${more}
`
}

export const stages = ['route-match', 'session-auth', 'token-resolve', 'header-inject', 'forward', 'log'] as const

export function profile(list: readonly string[] = stages): string {
  return `stages: [${list.join(', ')}]\n`
}
