// A peer for bench/run --peer and bench/compare_peers: event streams with nothing but Node's own http2, the strongest of the peers measured,
// because it already writes once per connection and event. Topics are paths; POST publishes text or NDJSON; no history,
// no resume, no limits.
//
//   node bench/peers/node_http2.mjs PORT CERTIFICATE KEY

import { createSecureServer } from 'node:http2'
import { readFileSync } from 'node:fs'

const [port, cert, key] = process.argv.slice(2)
const subscribers = new Map() // by path
let sequence = 0

function publish(path, data) {
  const id = `peer00.${++sequence}`
  const event = Buffer.from(`id: ${id}\ndata: ${data}\n\n`) // encoded once for all
  for (const stream of subscribers.get(path) ?? []) stream.write(event)
  return id
}

const server = createSecureServer({
  cert: readFileSync(cert),
  key: readFileSync(key),
  settings: { maxConcurrentStreams: 256 },
})
server.on('stream', (stream, headers) => {
  const path = headers[':path'].split('?')[0]
  stream.on('error', () => {})
  if (headers[':method'] === 'POST') {
    let body = ''
    stream.setEncoding('utf8')
    stream.on('data', (text) => (body += text))
    stream.on('end', () => {
      const lines = (headers['content-type'] ?? '').includes('ndjson') ? body.split('\n').filter(Boolean) : null
      const ids = lines ? lines.map((line) => publish(path, JSON.parse(line).data)) : [publish(path, body)]
      stream.respond({ ':status': 200, 'content-type': 'application/json' })
      stream.end(JSON.stringify({ ids }))
    })
    return
  }
  stream.respond({ ':status': 200, 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
  stream.write(`retry: 3000\nid: peer00.${sequence}\n\n`)
  if (!subscribers.has(path)) subscribers.set(path, new Set())
  subscribers.get(path).add(stream)
  stream.on('close', () => subscribers.get(path).delete(stream))
})
server.listen(Number(port), '127.0.0.1')
