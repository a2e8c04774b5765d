import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { setTimeout as passed } from 'node:timers/promises'
import { type TestLike, tempDir } from './bascule.ts'

const program = ['/usr/sbin/nginx', '/usr/local/sbin/nginx', '/opt/homebrew/bin/nginx'].find((path) => existsSync(path))

/** Why a test that needs it cannot run here; false: it can. */
export const noNginx = program === undefined ? 'there is no nginx on this machine' : false

/** A real nginx in the foreground, one process, with its files in a directory of its own; `http` is what stands in that block. */
export async function startNginx(t: TestLike, http: string, port: number): Promise<void> {
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path temp_${kind};`)
  const dir = tempDir(t, {
    'nginx.conf': `daemon off; master_process off; pid nginx.pid; error_log stderr warn;
events { worker_connections 256; }
http { access_log off; ${temp.join(' ')}
${http}
}
`,
  })
  const child = spawn(program!, ['-p', dir, '-c', 'nginx.conf', '-e', 'stderr'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  const ended = once(child, 'exit')
  t.teardown(() => {
    child.kill('SIGKILL')
    return ended
  })
  await answers(child, port, () => said)
}

async function answers(child: ChildProcess, port: number, said: () => string): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    if (child.exitCode !== null) throw new Error(`nginx ended with ${child.exitCode}: ${said()}`)
    if (await taken(port)) return
    await passed(25)
  }
  throw new Error(`nginx never listened: ${said()}`)
}

function taken(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('connect', () => resolve(true)).on('error', () => resolve(false))
    socket.on('connect', () => socket.destroy())
  })
}
