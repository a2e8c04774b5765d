import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeBridgeConfig } from './bridge-config.ts'

const services = Array.from({ length: 50 }, (_, i) => `service_${i}`)

/** What a platform team would write by a generator: `count` session routes over fifty services, as YAML and not as JSON. */
export function writeManyRoutes(folder: string, count: number, ports: { port: number; adminPort: number }): void {
  mkdirSync(folder, { recursive: true })
  writeBridgeConfig(folder, {
    ...ports,
    idp: { issuer: 'http://127.0.0.1:9', clientId: 'bench', clientSecret: 'a secret that nobody is asked for' },
    services: Object.fromEntries(
      services.map((name) => [name, { url: 'http://127.0.0.1:9', audience: `https://${name}.example.com` }]),
    ),
  })
  const written = services.map((name) => `  ${name}:\n    base_url: http://127.0.0.1:9\n`)
  const routes = Array.from({ length: count }, (_, i) => routeText(i))
  writeFileSync(join(folder, 'routes.yaml'), `services:\n${written.join('')}routes:\n${routes.join('')}`)
}

export function routePath(i: number): string {
  return `/api/area_${i % 100}/thing_${i}/`
}

function routeText(i: number): string {
  const lines = [
    `- id: route-${i}`,
    `  path: ${routePath(i)}*`,
    `  target_service: ${services[i % services.length]}`,
    '  preserve_path: true',
    '  auth: session',
  ]
  return lines.map((line) => `  ${line}\n`).join('')
}
