import http, { type IncomingMessage } from 'node:http'
import type { TracedStage, TraceRecord } from '../trace/trace.ts'
import { type Args, type Command, configDirectory, configOption, type Io, portArg, textArg } from './command.ts'

export const tail: Command = {
  name: 'tail',
  summary: "shows each request's way through the stages, live",
  usage: 'bascule tail [--route R] [--service S] [--admin-port N] [--config DIR] [--json]',
  options: {
    route: { value: 'R', summary: 'one route' },
    service: { value: 'S', summary: 'one service' },
    'admin-port': { value: 'N', summary: "of the running bridge (else settings.yaml's server.admin_port, else 9090)" },
    config: configOption,
  },
  run: runTail,
}

async function runTail(args: Args, io: Io): Promise<number> {
  const port = portArg(args, 'admin-port') ?? (await configuredPort(args, io))
  const wanted = new URLSearchParams()
  for (const name of ['route', 'service']) {
    const value = textArg(args, name)
    if (value !== undefined) wanted.set(name, value)
  }
  try {
    const stream = await open(port, wanted)
    for await (const event of events(stream)) io.out(args.json ? `${JSON.stringify(event)}\n` : describe(event))
  } catch (error) {
    const { code } = error as { code?: string }
    if (code !== 'ECONNREFUSED' && code !== 'ECONNRESET') throw error
    io.err(`bascule: no bridge answers on admin port ${port}; start one, or name its port with --admin-port\n`)
    return 1
  }
  io.err('bascule: the bridge has ended\n')
  return 0
}

async function configuredPort(args: Args, io: Io): Promise<number> {
  const { loadConfig } = await import('../load/load-config.ts')
  const { config } = await loadConfig({ dir: configDirectory(args, io), env: io.env })
  return config?.server.admin_port ?? 9090
}

function open(port: number, wanted: URLSearchParams): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    http.get({ host: '127.0.0.1', port, path: `/traces?${wanted}`, agent: false }, resolve).on('error', reject)
  })
}

type TailEvent = TraceRecord | { readonly lost: number }

/** The stream's `data:` lines; everything else in it is for the transport. */
async function* events(stream: IncomingMessage): AsyncGenerator<TailEvent> {
  let rest = ''
  for await (const text of stream.setEncoding('utf8') as AsyncIterable<string>) {
    const blocks = `${rest}${text}`.split('\n\n')
    rest = blocks.pop() ?? ''
    for (const block of blocks) {
      const data = /^data: (.*)$/m.exec(block)?.[1]
      if (data !== undefined)
        yield block.startsWith('event: lost') ? { lost: Number(data) } : (JSON.parse(data) as TraceRecord)
    }
  }
}

function describe(event: TailEvent): string {
  if ('lost' in event) return `… ${event.lost} not shown: this terminal is slower than the traffic\n`
  const { method, path, route, service, status, outcome, code, ms } = event
  const where = `${route ?? 'no route'}${service ? ` -> ${service}` : ''}`
  const end = code === 'OK' ? outcome : `${outcome} ${code}${event.reason ? ` (${event.reason})` : ''}`
  const asked = method === '' ? 'unreadable' : `${method} ${path}`
  const head = `${asked}  ${where}  ${status ?? '-'}  ${end}  ${ms.toFixed(1)} ms  ${event.correlation_id}`
  const width = Math.max(0, ...event.stages.map(({ name }) => name.length))
  return `${[head, ...event.stages.map((stage) => stageLine(stage, width))].join('\n')}\n`
}

function stageLine(stage: TracedStage, width: number): string {
  const gave = Object.entries(stage.gave ?? {}).map(([slot, value]) =>
    value === true ? slot : `${slot}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  )
  const said = [stage.verdict, stage.status, stage.code === 'OK' ? undefined : stage.code, stage.reason, ...gave]
  return `    ${stage.name.padEnd(width)} ${stage.ms.toFixed(2).padStart(8)} ms  ${said.filter((part) => part !== undefined).join('  ')}`
}
