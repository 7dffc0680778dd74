// Drives Debian's Chromium for browser_test.py: a command per line of JSON on stdin, its result per line on stdout.
// The browser trusts the test's CA because HOME holds an NSS store that does; no certificate error is ignored.
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { chromium } from 'playwright-core';

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
});
const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
const complaints = [];
page.on('pageerror', (error) => complaints.push(String(error)));
const logged = []; // errors and warnings of the console: of a server that comes and goes there are some
page.on('console', (message) => {
  if (['error', 'warning'].includes(message.type())) logged.push(message.text());
});
const requested = [];
const streams = new Map(); // event streams by request: the page is not told the `retry:` that it was given, nor when it asked
page.on('request', (request) => {
  requested.push(request.url());
  if (request.resourceType() === 'eventsource') streams.set(request, { path: new URL(request.url()).pathname, begun: Date.now() });
});
page.on('requestfinished', async (request) => {
  const stream = streams.get(request);
  if (!stream) return;
  stream.ended = Date.now();
  stream.text = await request.response().then((response) => response.text()).catch(String);
});

const actions = {
  open: ({ url }) => page.goto(url, { waitUntil: 'load' }).then((response) => response.status()),
  open_file: ({ path }) => page.goto(`file://${path}`, { waitUntil: 'load' }).then(() => path),
  evaluate: ({ script }) => page.evaluate(script),
  // Resolves when the expression is true in the page. Asked over and over from here: the page's own content security
  // policy forbids it to evaluate text, and the tests keep that policy.
  until: async ({ condition, timeout }) => {
    for (const end = Date.now() + timeout; !(await page.evaluate(condition)); await setTimeout(30))
      if (Date.now() > end) throw new Error(`not true within ${timeout} ms: ${condition}`);
  },
  colors: ({ scheme }) => page.emulateMedia({ colorScheme: scheme }),
  picture: ({ path }) => page.screenshot({ path, fullPage: true }).then(() => path),
  complaints: () => complaints,
  logged: () => logged,
  requested: () => requested,
  streams: () => [...streams.values()],
};

for await (const line of createInterface({ input: process.stdin })) {
  const { action, ...options } = JSON.parse(line);
  try {
    console.log(JSON.stringify({ result: (await actions[action](options)) ?? null }));
  } catch (error) {
    console.log(JSON.stringify({ error: String(error) }));
  }
}
await browser.close();
