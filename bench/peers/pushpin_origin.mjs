// What Pushpin asks when a client comes (GRIP, https://pushpin.org/docs/usage/#http-streaming): hold the answer open as a
// stream of the channel that the path names, with a comment after 20 s of silence.
//
//   node bench/peers/pushpin_origin.mjs PORT

import { createServer } from 'node:http'

const server = createServer((request, response) => {
  response.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-cache',
    'grip-hold': 'stream',
    'grip-channel': request.url.slice(1),
    'grip-keep-alive': ':\\n\\n; format=cstring; timeout=20',
  })
  response.end('retry: 3000\n\n')
})
server.listen({ host: '127.0.0.1', port: Number(process.argv[2]), backlog: 4096 })
