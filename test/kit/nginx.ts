// nginx as it is packaged, in front of one service: the same routes as the raw bridge, and no login.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { tempDir } from './bascule.ts'
import { freePort } from './free-port.ts'
import type { TestLike } from './raw-client.ts'

const program = '/usr/sbin/nginx'

/** `1.22.1`; undefined where there is none. */
export function nginxVersion(): string | undefined {
  const { stderr } = spawnSync(program, ['-v'], { encoding: 'utf8' })
  return /nginx\/([\d.]+)/.exec(stderr ?? '')?.[1]
}

export async function startNginx(t: TestLike, upstream: string): Promise<string> {
  const port = await freePort()
  const dir = tempDir(t, { 'nginx.conf': config(port, upstream) })
  const child = spawn(program, ['-p', dir, '-c', join(dir, 'nginx.conf'), '-e', join(dir, 'error.log')], {
    stdio: 'ignore',
  })
  t.teardown(async () => {
    if (child.exitCode !== null || !child.kill()) return
    await once(child, 'exit')
  })
  for (let tries = 0; tries < 200; tries++) {
    if (await listens(port)) return `http://127.0.0.1:${port}`
    await pause(50)
  }
  throw new Error('nginx does not listen')
}

async function listens(port: number): Promise<boolean> {
  const socket = connect({ port, host: '127.0.0.1' })
  const open = await once(socket, 'connect')
    .then(() => true)
    .catch(() => false)
  socket.destroy()
  return open
}

function config(port: number, upstream: string): string {
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((what) => `${what}_temp_path temp;`).join(' ')
  return `
daemon off; master_process off; pid nginx.pid;
events { worker_connections 256; }
http {
  access_log off; ${temp}
  client_header_timeout 2s; client_body_timeout 2s; keepalive_timeout 2s; lingering_timeout 1s;
  server {
    listen 127.0.0.1:${port}; server_name app.example;
    location /open/ { proxy_pass ${upstream}/; proxy_http_version 1.1; proxy_set_header Connection ""; }
    location /guarded/ { return 401; }
    location / { return 404; }
  }
}
`
}
