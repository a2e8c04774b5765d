// gRPC without .proto files: messages are text, services are made by hand.
import { Buffer } from 'node:buffer'
import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import { createServer } from 'node:tls'
import * as grpc from '@grpc/grpc-js'
import type { TestLike } from './bascule.ts'
import { cert, key } from './certs.ts'

const serialize = (text: string) => Buffer.from(text)
const deserialize = (bytes: Buffer) => bytes.toString()

function method(name: string, requestStream: boolean, responseStream: boolean): grpc.MethodDefinition<string, string> {
  return {
    path: `/test.Echo/${name}`,
    requestStream,
    responseStream,
    requestSerialize: serialize,
    requestDeserialize: deserialize,
    responseSerialize: serialize,
    responseDeserialize: deserialize,
  }
}

const definition = {
  unary: method('unary', false, false),
  collect: method('collect', true, false),
  count: method('count', false, true),
  chat: method('chat', true, true),
}

export interface EchoClient extends grpc.Client {
  unary(
    text: string,
    metadata: grpc.Metadata,
    options: grpc.CallOptions,
    done: grpc.requestCallback<string>,
  ): grpc.ClientUnaryCall
  collect(metadata: grpc.Metadata, done: grpc.requestCallback<string>): grpc.ClientWritableStream<string>
  count(text: string, metadata?: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<string>
  chat(metadata?: grpc.Metadata): grpc.ClientDuplexStream<string, string>
}

interface GrpcServer {
  readonly port: number
  readonly heard: grpc.Metadata[]
  /** When a call was cancelled by its client. */
  readonly cancelled: Promise<string>
}

/** Echoes in every kind of call; metadata `fail` is answered with that status. */
export async function grpcServer(t: TestLike, tls: boolean): Promise<GrpcServer> {
  const heard: grpc.Metadata[] = []
  let tellCancelled: (name: string) => void = () => {}
  const cancelled = new Promise<string>((resolve) => {
    tellCancelled = resolve
  })
  const trailers = new grpc.Metadata()
  trailers.set('x-after', 'said last')
  const server = new grpc.Server()
  server.addService(definition, {
    unary(call: grpc.ServerUnaryCall<string, string>, done: grpc.sendUnaryData<string>) {
      heard.push(call.metadata)
      const [code] = call.metadata.get('fail')
      if (code !== undefined) return done({ code: Number(code), details: 'as you wish', metadata: trailers })
      call.on('cancelled', () => tellCancelled('unary'))
      if (call.request !== 'wait') done(null, `echo ${call.request}`, trailers)
    },
    collect(call: grpc.ServerReadableStream<string, string>, done: grpc.sendUnaryData<string>) {
      const pieces: string[] = []
      call.on('data', (piece: string) => pieces.push(piece))
      call.on('end', () => done(null, pieces.join('+')))
    },
    count(call: grpc.ServerWritableStream<string, string>) {
      call.on('cancelled', () => tellCancelled('count'))
      if (call.request === 'forever') return void call.write('first')
      for (let i = 0; i < Number(call.request); i++) call.write(`${i} ${'.'.repeat(1000)}`)
      call.end(trailers)
    },
    chat(call: grpc.ServerDuplexStream<string, string>) {
      call.on('data', (text: string) => call.write(`echo ${text}`))
      call.on('end', () => call.end())
    },
  })
  const plain = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    )
  })
  t.teardown(() => server.forceShutdown())
  return { port: tls ? await tlsBefore(t, plain) : plain, heard, cancelled }
}

/** The server of grpc-js speaks no TLS on Deno. */
async function tlsBefore(t: TestLike, port: number): Promise<number> {
  const front = createServer({ cert: cert('server'), key: key('server'), ALPNProtocols: ['h2'] }, (socket) => {
    const behind = connect(port, '127.0.0.1')
    socket.pipe(behind).pipe(socket)
    socket.on('error', () => behind.destroy()).on('close', () => behind.destroy())
    behind.on('error', () => socket.destroy())
    t.teardown(() => socket.destroy())
  })
  front.listen(0, '127.0.0.1')
  await once(front, 'listening')
  t.teardown(() => front.close())
  return (front.address() as AddressInfo).port
}

const Client = grpc.makeGenericClientConstructor(definition as unknown as grpc.ServiceDefinition, 'Echo')

export function grpcClient(t: TestLike, url: string): EchoClient {
  const options = { 'grpc.ssl_target_name_override': 'localhost', 'grpc.default_authority': 'localhost' }
  const credentials = grpc.credentials.createSsl(Buffer.from(cert('ca')))
  const client = new Client(new URL(url).host, credentials, options) as unknown as EchoClient
  t.teardown(() => client.close())
  return client
}
