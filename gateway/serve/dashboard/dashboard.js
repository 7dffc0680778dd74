// The dashboard: asks /status once a second and shows what it says. No library, no build step, nothing from elsewhere.

import { draw_chart, shown_seconds } from "./chart.js";

const poll_ms = 1000;
const patience_ms = 3000;  // for one answer

const element = (id) => document.getElementById(id);
const show = (id, value) => {
  if (element(id).textContent !== value) element(id).textContent = value;
};
const number = (value) => Math.round(value).toLocaleString("en");
const seconds_now = () => performance.now() / 1000;
const points = [];  // { at, load, deliveries }, null where it is not known
let before = null;  // the status before this one
let answered_at = seconds_now();

// --- Words -----------------------------------------------------------------------------------------------------------

const seconds = (ms) => (ms / 1000).toFixed(1).replace(/\.0$/, "");

function duration(ms) {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) return Math.floor(ms / 1000) + "\u00a0s";
  if (minutes < 60) return minutes + "\u00a0min";
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)}\u00a0h ${minutes % 60}\u00a0min`;
  return Math.floor(minutes / 60 / 24) + "\u00a0days";
}

const level = (percent) => percent >= 95 ? "full" : percent >= 80 ? "high" : "fine";

// What a counter grew in a second; null: not known, or another process counts now.
function rate(status, read) {
  if (before === null || status.up_ms <= before.up_ms) return null;
  const earlier = read(before);
  return earlier === undefined ? null : (read(status) - earlier) * 1000 / (status.up_ms - before.up_ms);
}

const rate_text = (value) => value === null ? "–" : value < 10 ? (+value.toFixed(1)).toString() : number(value);

// --- Showing ---------------------------------------------------------------------------------------------------------

function cell(kind, text, attributes = {}) {
  const made = document.createElement(kind);
  made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function fill_bar(bar, percent) {
  bar.dataset.level = level(percent);
  bar.firstElementChild.style.width = Math.min(percent, 100) + "%";
}

function row_of(resource) {
  const bar = cell("div", "", { class: "bar" });
  bar.append(document.createElement("span"));
  const meter = cell("td", "", { class: "meter" });
  meter.append(bar);
  const row = document.createElement("tr");
  row.append(cell("th", resource.name.replace("_", " "), { scope: "row" }), meter, cell("td", "", { class: "share" }),
             cell("td", "", { class: "amount" }));
  return row;
}

function show_load(load) {
  show("percent", Math.round(load.percent) + "\u00a0%");
  show("reason", load.text.replace("_", " "));
  element("bar").setAttribute("aria-valuenow", Math.round(load.percent));
  fill_bar(element("bar"), load.percent);
  const rows = element("resources");
  if (rows.children.length === 0) rows.append(...load.resources.map(row_of));
  load.resources.forEach((resource, index) => {
    const row = rows.children[index];
    row.toggleAttribute("data-worst", resource.name === load.resource);
    fill_bar(row.querySelector(".bar"), resource.percent);
    row.querySelector(".share").textContent = Math.round(resource.percent) + "\u00a0%";
    row.querySelector(".amount").textContent = resource.text;
  });
}

function show_sources(status) {
  element("sources").replaceChildren(...status.sources.map((source, index) => {
    const events = rate(status, (of) => of.sources[index]?.events);
    const state = cell("td", source.state, { "data-state": source.state });
    if (source.why) state.append(" ", cell("span", source.why, { class: "why" }));
    const row = document.createElement("tr");
    row.append(cell("td", source.name), state, cell("td", rate_text(events), { class: "figures" }),
               cell("td", source.lag === null ? "–" : number(source.lag), { class: "figures" }));
    return row;
  }));
}

function show_status(status) {
  const deliveries = rate(status, (of) => of.deliveries);
  show_load(status.load);
  show("streams", number(status.streams));
  show("connections", number(status.connections));
  show("deliveries", rate_text(deliveries));
  show("accept-rate", number(status.accept_rate));
  show("retry", `${seconds(status.retry_ms.low)}–${seconds(status.retry_ms.high)}\u00a0s`);
  show("up", duration(status.up_ms));
  show("delivered", number(status.deliveries));
  const refused = Object.entries(status.refused).filter(([, count]) => count !== 0);
  show("refused", number(refused.reduce((sum, [, count]) => sum + count, 0)));
  show("refused-by", refused.map(([limit, count]) => `${limit} ${number(count)}`).join(", ") || "none");
  show("slow", number(status.slow_ended));
  show_sources(status);
  document.title = `${Math.round(status.load.percent)} % · sluice`;
  element("state").dataset.state = status.ready ? "live" : "waiting";
  show("state-text", status.ready ? "ready" : "draining");
  points.push({ at: seconds_now(), load: status.load.percent, deliveries });
  before = status;
}

function show_gone() {
  const away = Math.round(seconds_now() - answered_at) + "\u00a0s";
  element("state").dataset.state = "gone";
  show("state-text", "no answer for " + away);
  element("gone").textContent = `The gateway does not answer, for ${away} now. What stands below is as old; this page goes on asking.`;
  document.title = "no answer · sluice";
  points.push({ at: seconds_now(), load: null, deliveries: null });
}

// --- The charts ------------------------------------------------------------------------------------------------------

function draw() {
  const now = seconds_now();
  while (points.length > 1 && points[1].at < now - shown_seconds) points.shift();
  const plots = [["load-chart", "load", 100, (value) => number(value) + " %"],
                 ["deliveries-chart", "deliveries", 10, number]];
  for (const [id, name, least, text] of plots) {
    const values = points.map((point) => ({ at: point.at, value: point[name] }));
    draw_chart(element(id), values, { now, least, text });
    const known = values.filter((point) => point.value !== null);
    if (known.length !== 0)
      element(id).setAttribute("aria-label", `Line chart: ${text(known.at(-1).value)} now, at most ` +
          text(Math.max(...known.map((point) => point.value))));
  }
}

new ResizeObserver(draw).observe(element("load-chart"));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);

// --- Asking ----------------------------------------------------------------------------------------------------------

// The status; null: no answer, or one that says nothing.
async function ask() {
  try {
    const answer = await fetch("status", { cache: "no-store", signal: AbortSignal.timeout(patience_ms) });
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

async function poll() {
  const asked = performance.now();
  const status = await ask();
  if (status === null) {
    show_gone();
  } else {
    answered_at = seconds_now();
    show_status(status);
  }
  element("gone").hidden = status !== null;
  element("main").toggleAttribute("data-gone", status === null);
  draw();
  setTimeout(poll, Math.max(0, asked + poll_ms - performance.now()));
}

show("authority", location.host);
poll();
