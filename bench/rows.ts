import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../test/kit/free-port.ts'
import { loginByFetch } from '../test/kit/login.ts'
import { startStrictIdp } from '../test/kit/strict-idp.ts'
import { benchAudience, benchPath, writeBridgeConfig } from './bridge-config.ts'
import { type Runtime, type Started, startServer } from './process.ts'

/** One line of the table: a proxy in a process of its own, and what a client sends to it. */
export interface Row extends Started {
  readonly name: RowName
  readonly headers: readonly string[]
}
export type RowName = 'bare' | 'bare again' | 'same work' | 'bridge' | 'with DPoP'

const tokenBytes = 900

/** As long as what a browser sends: header parsing is part of every row. */
const browserHeaders = [
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0 Safari/537.36',
  'Accept: application/json',
  'Accept-Encoding: gzip, deflate, br',
  'Accept-Language: en-US,en;q=0.9',
  'Sec-Fetch-Site: same-origin',
  'Sec-Fetch-Mode: cors',
  'Sec-Fetch-Dest: empty',
]

export async function startRows(options: {
  readonly runtime: Runtime
  readonly upstream: number
  readonly folder: string
  /** One row more: the bridge with a proof for each request. */
  readonly dpop: boolean
}): Promise<Row[]> {
  const { runtime, upstream, folder } = options
  const peer = async (name: RowName, file: string, ...args: string[]): Promise<Row> => {
    const logFile = join(folder, `${name.replaceAll(' ', '-')}.log`)
    const server = await startServer({
      ...{ runtime, core: 0, file, logFile },
      args: (port) => [String(port), String(upstream), ...args],
    })
    return { name, ...server, headers: [...browserHeaders, `Cookie: theme=dark; bff_session=${'A'.repeat(43)}`] }
  }
  return [
    await peer('bare', 'bench/peers/bare.ts'),
    await peer('bare again', 'bench/peers/bare.ts'),
    await peer('same work', 'bench/peers/same-work.ts', String(tokenBytes)),
    await bridge('bridge', options),
    ...(options.dpop ? [await bridge('with DPoP', options)] : []),
  ]
}

/** The whole bridge with a real session: one login at a real provider, whose process is this one and idle while rows are measured. */
async function bridge(name: RowName, { runtime, upstream, folder }: Parameters<typeof startRows>[0]): Promise<Row> {
  const file = name.replaceAll(' ', '-')
  const dpop = name === 'with DPoP'
  const idp = await startStrictIdp({ accessTokenTtl: 3600, resources: { [benchAudience]: 'application.all' } })
  const adminPort = await freePort()
  const services = { analytics_service: { url: `http://127.0.0.1:${upstream}`, audience: benchAudience } }
  const config = join(folder, `${file}-config`)
  const logFile = join(folder, `${file}.log`)
  const server = await startServer({
    ...{ runtime, core: 0, file: 'core/cli.ts', logFile },
    args: (port) => {
      writeBridgeConfig(config, { port, adminPort, idp, services, dpop })
      return ['start', '--config', config]
    },
  })
  const browser = await loginByFetch(`http://127.0.0.1:${server.port}`)
  const first = await browser.fetch(benchPath)
  if (first.status !== 200)
    throw new Error(
      `the bridge answers ${first.status}: ${await first.text()}\n${readFileSync(logFile, 'utf8').slice(-2000)}`,
    )
  await first.body?.cancel()
  return { name, ...server, headers: [...browserHeaders, `Cookie: theme=dark; ${browser.cookie}`] }
}
