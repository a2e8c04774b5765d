/** What a newcomer reads when everything runs. */
export function welcome(url: string, config: string): string {
  return `
  Open ${url} and sign in as ada / ada (or bob / bob).

  No session, no token    curl -i ${url}/api/v1/analytics/workflows
  Then break it           take the analytics line out of ${config}/idp/clients.yaml, sign out and in again,
                          and look for NO_TOKEN_AVAILABLE service=analytics_service here. The forms still work.
                          Put it back and sign in again: it works.

  Ctrl-C stops everything.
`
}
