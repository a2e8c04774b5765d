import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { Agent, request as requestBy } from 'undici'
import { cert } from '../../kit/certs.ts'

interface Init {
  readonly method?: string
  readonly headers?: Record<string, string>
}

/** As `fetch` without redirects, but it sends the headers it is given: Node's own writes `Sec-Fetch-Mode: cors` over a browser's. */
export async function wireFetch(url: string, { method = 'GET', headers = {} }: Init = {}): Promise<Response> {
  if (url.startsWith('https:')) return secureFetch(url, { method, headers })
  const sent = request(url, { method, headers, agent: false })
  sent.end()
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  let body = ''
  for await (const piece of answer.setEncoding('utf8')) body += piece
  return response(answer.statusCode ?? 0, answer.rawHeaders, body)
}

/** Trusts the authority of the tests. Not by node:https: on Deno its sockets outlive the test. */
async function secureFetch(url: string, { method = 'GET', headers = {} }: Init): Promise<Response> {
  const dispatcher = new Agent({ connect: { ca: cert('ca') } })
  const answer = await requestBy(url, { method: method as 'GET', headers, dispatcher })
  const body = await answer.body.text()
  await dispatcher.destroy()
  const raw = Object.entries(answer.headers).flatMap(([name, value]) =>
    [value ?? []].flat().flatMap((one) => [name, one]),
  )
  return response(answer.statusCode, raw, body)
}

function response(status: number, raw: readonly string[], body: string): Response {
  const headers = new Headers()
  for (let i = 0; i < raw.length; i += 2) headers.append(raw[i] as string, raw[i + 1] as string)
  return new Response(body === '' ? null : body, { status, headers })
}
