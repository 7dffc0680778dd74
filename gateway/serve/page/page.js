// The live page: one EventSource over three topics, one over what visitors publish. No library, no build step.

const topics = ["demo/clock", "demo/walk", "demo/counter"];
const stream_path = "/stream?" + topics.map((topic) => "topic=" + topic).join("&");
const greetings_path = "/topics/greetings";
const points_max = 180;
const lines_max = 200;

const element = (id) => document.getElementById(id);
const show = (id, value) => { element(id).textContent = value; };
const clock_time = (date) => date.toLocaleTimeString([], { hour12: false });
const number = new Intl.NumberFormat();

// --- What is known of the stream -------------------------------------------------------------------------------------

const seen = { events: 0, missing: 0, repeated: 0, gaps: 0, reconnects: 0 };
let retry = null;          // ms, as the gateway gave it
let last_id = "";
let last_count = null;     // of demo/counter; null: whatever comes next is right
let lost_at = null;        // when the connection was lost
let opened_before = false;

function count(name, step = 1) {
  seen[name] += step;
  const cell = element(name);
  cell.textContent = number.format(seen[name]);
  if (name === "missing" || name === "repeated") cell.toggleAttribute("data-alarm", seen[name] > 0);
}

function say_state(state, text) {
  element("state").dataset.state = state;
  if (element("state-text").textContent !== text) show("state-text", text);
}

function list(id, text, kind) {
  const line = document.createElement("li");
  const time = document.createElement("time");
  time.textContent = clock_time(new Date());
  const words = document.createElement("span");
  words.textContent = text;
  line.append(time, words);
  if (kind) line.dataset.kind = kind;
  const lines = element(id);
  lines.prepend(line);
  while (lines.children.length > lines_max) lines.lastChild.remove();
}

const seconds = (ms) => (ms / 1000).toFixed(1) + "\u00a0s";

function parse(event) {
  try {
    return JSON.parse(event.data);
  } catch {
    list("log", "unreadable data in " + event.type, "gap");
    return {};
  }
}

function take(event) {
  count("events");
  if (event.lastEventId !== last_id) {
    last_id = event.lastEventId;
    show("last-id", last_id);
  }
}

// --- The stream ------------------------------------------------------------------------------------------------------

function on_lost(reason) {
  if (lost_at !== null) return;
  lost_at = Date.now();
  mark_cut();
  list("log", reason, "lost");
  wait_for_open();
}

function wait_for_open() {
  if (lost_at === null) return;
  say_state("waiting", "reconnecting, away " + Math.round((Date.now() - lost_at) / 1000) + " s");
  setTimeout(wait_for_open, 1000);
}

const handlers = {
  "sluice.open"(event) {
    const open = parse(event);
    if (typeof open.retry === "number") {
      retry = open.retry;
      show("retry", seconds(retry));
    }
    if (event.lastEventId) show("last-id", last_id = event.lastEventId);
    const away = lost_at === null ? "" : ", back after " + seconds(Date.now() - lost_at);
    if (opened_before) count("reconnects");
    if (!open.resumed) last_count = null;
    const where = !open.resumed ? "opened at now" : opened_before ? "resumed at the last event id" : "opened at the earliest event kept";
    list("log", where + away +
         (retry === null ? "" : "; retry " + number.format(retry) + " ms"), "open");
    opened_before = true;
    lost_at = null;
    say_state("live", "live");
  },
  "sluice.gap"(event) {
    const gap = parse(event);
    take(event);
    count("gaps");
    // What was announced is not missing.
    if (!gap.topic || gap.topic.endsWith("counter")) last_count = null;
    const size = typeof gap.count === "number" ? number.format(gap.count) + " events" : "an unknown number of events";
    list("log", "gap in " + (gap.topic ?? "the stream") + ": " + size + " gone" +
         (gap.reason ? " (" + gap.reason + ")" : ""), "gap");
  },
  clock(event) {
    take(event);
    const time = new Date(parse(event).time);
    if (Number.isNaN(time.getTime())) return;
    element("time").firstElementChild.textContent = clock_time(time);
    element("time").firstElementChild.dateTime = time.toISOString();
    show("date", time.toLocaleDateString([], { weekday: "long", day: "numeric", month: "long", year: "numeric" }));
  },
  walk(event) {
    take(event);
    const value = parse(event).value;
    if (typeof value === "number") add_point(value);
  },
  counter(event) {
    take(event);
    const n = parse(event).n;
    if (typeof n !== "number") return;
    if (last_count !== null && n > last_count + 1) count("missing", n - last_count - 1);
    if (last_count !== null && n <= last_count) count("repeated");
    last_count = n;
    show("counter", number.format(n));
  },
};

let stream = null;

function open_stream() {
  // The first time with all that is kept, so that the chart begins full.
  stream = new EventSource(stream_path + "&last_event_id=" + encodeURIComponent(last_id || "earliest"));
  for (const [type, handler] of Object.entries(handlers)) stream.addEventListener(type, handler);
  stream.onerror = () => {
    if (stream.readyState === EventSource.CLOSED) {
      say_state("closed", "closed by the gateway; reload the page");
      lost_at = null;
      list("log", "the gateway refused the stream, so the browser does not come back", "gap");
    } else {
      on_lost("connection lost" + (retry === null ? "" : "; the browser waits " + seconds(retry)));
    }
  };
}

element("cut").addEventListener("click", () => {
  const button = element("cut");
  button.disabled = true;
  stream.close();
  on_lost("cut by you, for 5 s");
  setTimeout(() => {
    open_stream();
    button.disabled = false;
  }, 5000);
});

// --- The chart -------------------------------------------------------------------------------------------------------

const points = [];  // { value, cut }: cut, the connection was lost before this point
let cut_pending = false;
let drawing = false;

const mark_cut = () => { cut_pending = points.length > 0; };

function add_point(value) {
  const before = points.at(-1)?.value;
  points.push({ value, cut: cut_pending });
  cut_pending = false;
  if (points.length > points_max) points.shift();
  show("walk", value.toFixed(2));
  if (before !== undefined) {
    const change = value - before;
    show("walk-change", (change < 0 ? "−" : "+") + Math.abs(change).toFixed(2));
  }
  schedule_draw();
}

function schedule_draw() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    draw();
  });
}

function draw() {
  const canvas = element("chart");
  const style = getComputedStyle(document.documentElement);
  const color = (name) => style.getPropertyValue(name).trim();
  const ratio = window.devicePixelRatio || 1;
  const width = canvas.clientWidth, height = canvas.clientHeight;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  if (points.length === 0) return;

  let low = Math.min(...points.map((point) => point.value));
  let high = Math.max(...points.map((point) => point.value));
  element("chart").setAttribute("aria-label", `Line chart of the random walk: ${points.length} values between ` +
      `${low.toFixed(2)} and ${high.toFixed(2)}, now ${points.at(-1).value.toFixed(2)}`);
  // A step is about 0.5: a range under 4 would make the first few look like a storm.
  const room = Math.max((high - low) * 0.12, (4 - (high - low)) / 2);
  low -= room;
  high += room;
  const left = 0, right = width - 58, top = 8, bottom = height - 8;
  // A young chart grows from the left, as wide as a minute of points; a full one slides.
  const span = Math.max(points.length - 1, 60);
  const x = (index) => left + index / span * (right - left);
  const y = (value) => bottom - (value - low) / (high - low) * (bottom - top);

  pen.font = "12px system-ui, sans-serif";
  pen.textBaseline = "middle";
  pen.lineWidth = 1;
  for (let i = 0; i <= 3; ++i) {
    const value = low + (high - low) * (0.08 + 0.84 * i / 3);
    pen.strokeStyle = color("--rule");
    pen.beginPath();
    pen.moveTo(left, Math.round(y(value)) + 0.5);
    pen.lineTo(right, Math.round(y(value)) + 0.5);
    pen.stroke();
    pen.fillStyle = color("--soft");
    pen.fillText(value.toFixed(2), right + 10, y(value));
  }

  pen.strokeStyle = color("--wait");
  pen.setLineDash([3, 4]);
  points.forEach((point, index) => {
    if (!point.cut) return;
    const at = Math.round(x(Math.max(index - 0.5, 0))) + 0.5;
    pen.beginPath();
    pen.moveTo(at, top);
    pen.lineTo(at, bottom);
    pen.stroke();
  });
  pen.setLineDash([]);

  pen.beginPath();
  points.forEach((point, index) => pen.lineTo(x(index), y(point.value)));
  pen.strokeStyle = color("--water");
  pen.lineWidth = 2;
  pen.lineJoin = "round";
  pen.stroke();
  pen.lineTo(x(points.length - 1), bottom);
  pen.lineTo(x(0), bottom);
  const wash = pen.createLinearGradient(0, top, 0, bottom);
  wash.addColorStop(0, color("--wash"));
  wash.addColorStop(1, "transparent");
  pen.fillStyle = wash;
  pen.fill();

  pen.beginPath();
  pen.arc(x(points.length - 1), y(points.at(-1).value), 4, 0, 2 * Math.PI);
  pen.fillStyle = color("--water");
  pen.fill();
}

new ResizeObserver(schedule_draw).observe(element("chart"));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", schedule_draw);

// --- Greetings -------------------------------------------------------------------------------------------------------

const greetings = new EventSource(greetings_path);
greetings.onmessage = (event) => list("greetings", event.data);
greetings.addEventListener("sluice.gap", () => list("greetings", "(some greetings are gone)"));

element("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const field = element("text");
  const text = field.value;
  try {
    const answer = await fetch(greetings_path, {
      method: "POST",
      headers: { "content-type": "text/plain; charset=utf-8" },
      body: text,
    });
    if (answer.ok) {
      if (field.value === text) field.value = "";
      show("answer", "Published.");
    } else {
      const problem = await answer.json().catch(() => ({}));
      show("answer", "Refused (" + answer.status + "): " + (problem.detail ?? "no reason given"));
    }
  } catch {
    show("answer", "Not sent: the gateway cannot be reached.");
  }
});

// --- Start -----------------------------------------------------------------------------------------------------------

const default_origin = "https://localhost:8443";  // what sluice pub takes a bare topic to
show("command", "sluice pub " + (location.origin === default_origin ? "greetings" : location.origin + greetings_path) + " hello");
show("url", "GET " + decodeURIComponent(stream_path));
open_stream();
