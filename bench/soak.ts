// npm run soak -- NAME [OPTIONS], or --list
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

/** Each is bench/soak-NAME.ts. */
const soaks: Readonly<Record<string, readonly [what: string, options: string]>> = {
  users: ['users over hundreds of token lifetimes, beside large bodies', '--minutes N --users N --gib N'],
  fuzz: ['a million requests made of bad ideas', '--requests N --minutes N --seed N --runtime deno'],
  resets: ['10,000 answers reset at a random byte: none looks whole', '--answers N'],
  'slow-heads': ['5,000 heads that come byte by byte: the p99 of a client beside them', '--clients N --seconds N'],
  sockets: [
    '9,000 idle WebSockets: what one costs, and that a logout and a stop close each',
    '--count N --runtime deno',
  ],
  shuffle: [
    '1,000 users × 5 services at full speed: no answer is for another user or audience',
    '--users N --seconds N --ttl N --runtime deno',
  ],
  minting: [
    '1,000 requests at once while tokens of 2 s are minted in 0 to 6 s: who needs none notices nothing',
    '--sessions N --requests N --seconds N --runtime deno',
  ],
  reloads: ['1,000 reloads under load: no request fails, no leak', 'N'],
}

const [name = 'users', ...rest] = process.argv.slice(2)
if (name === '--list') list()
else if (Object.hasOwn(soaks, name)) await run(name)
else {
  console.error(`no soak is called ${name}; there are ${Object.keys(soaks).join(', ')} (npm run soak -- --list)`)
  process.exitCode = 1
}

function list(): void {
  for (const [id, [what, options]] of Object.entries(soaks)) console.log(`${id.padEnd(11)} ${what} [${options}]`)
}

async function run(id: string): Promise<void> {
  const path = fileURLToPath(new URL(`soak-${id}.ts`, import.meta.url))
  const child = spawn(process.execPath, ['--import=tsx', path, ...rest], { stdio: 'inherit' })
  process.once('SIGINT', () => child.kill('SIGINT'))
  process.once('SIGTERM', () => child.kill('SIGTERM'))
  const [code] = (await once(child, 'exit')) as [number | null]
  process.exitCode = code ?? 1
}
