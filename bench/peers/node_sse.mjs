// The Node server behind nginx_node.conf: event streams over HTTP/1.1 with nothing but node:http, as Node's documentation
// and MDN's "Using server-sent events" have it. Topics are paths; POST publishes its body; no history, no resume.
//
//   node bench/peers/node_sse.mjs PORT

import { createServer } from 'node:http'

const subscribers = new Map() // by path
let sequence = 0

function publish(path, data) {
  const event = `id: ${++sequence}\ndata: ${data}\n\n`
  for (const response of subscribers.get(path) ?? []) response.write(event)
}

const server = createServer((request, response) => {
  const path = request.url
  if (request.method === 'POST') {
    let body = ''
    request.setEncoding('utf8')
    request.on('data', (text) => (body += text))
    request.on('end', () => {
      publish(path, body)
      response.writeHead(204).end()
    })
    return
  }
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
  response.write('retry: 3000\n\n')
  if (!subscribers.has(path)) subscribers.set(path, new Set())
  subscribers.get(path).add(response)
  response.on('close', () => subscribers.get(path).delete(response))
})
server.listen({ host: '127.0.0.1', port: Number(process.argv[2]), backlog: 4096 })
