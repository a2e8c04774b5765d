import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'

/** As `fetch` without redirects, but it sends the headers it is given: Node's own writes `Sec-Fetch-Mode: cors` over a browser's. */
export async function wireFetch(
  url: string,
  { method = 'GET', headers = {} }: { readonly method?: string; readonly headers?: Record<string, string> } = {},
): Promise<Response> {
  const sent = request(url, { method, headers, agent: false })
  sent.end()
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  let body = ''
  for await (const piece of answer.setEncoding('utf8')) body += piece
  const got = new Headers()
  for (let i = 0; i < answer.rawHeaders.length; i += 2)
    got.append(answer.rawHeaders[i] as string, answer.rawHeaders[i + 1] as string)
  return new Response(body === '' ? null : body, { status: answer.statusCode ?? 0, headers: got })
}
