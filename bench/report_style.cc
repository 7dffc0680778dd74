#include "bench/report_style.h"

namespace sluice::bench {
namespace {

constexpr std::string_view style = R"(
:root {
  color-scheme: light dark;
  --paper: #f8f7f3; --card: #ffffff; --ink: #17191a; --soft: #5c6264; --rule: #dedbd2; --grid: #eceae4;
  --good: #1d7a45; --wait: #9a5b00; --bad: #b3261e; --wash: rgb(23 25 26 / 5%);
  --s1: #0b6b6f; --s2: #c2571a; --s3: #8b9092; --s4: #6a4fb3;
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", Menlo, Consolas, monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #0f1314; --card: #161b1d; --ink: #ecebe6; --soft: #98a1a2; --rule: #2a3234; --grid: #222a2c;
    --good: #6fd29a; --wait: #f0b45c; --bad: #ff8f86; --wash: rgb(236 235 230 / 5%);
    --s1: #63cfc5; --s2: #f0935c; --s3: #7d8688; --s4: #b6a1ff;
  }
}
* { box-sizing: border-box; margin: 0; }
body {
  max-width: 72rem; margin: 0 auto; padding: 2rem clamp(1rem, 4vw, 2.5rem) 3rem;
  background: var(--paper); color: var(--ink);
  font: 0.95rem/1.5 system-ui, -apple-system, "Segoe UI", "Noto Sans", "Liberation Sans", Helvetica, Arial, sans-serif;
  font-variant-numeric: tabular-nums; overflow-wrap: anywhere;
}
h1 { font-size: 1.7rem; line-height: 1.2; letter-spacing: -0.02em; font-weight: 680; }
h2 { font-size: 1.1rem; margin: 2.4rem 0 0.8rem; font-weight: 650; letter-spacing: -0.01em; }
h3 { font-size: 0.95rem; font-weight: 620; }
a { color: inherit; }
.over { color: var(--soft); font-size: 0.85rem; letter-spacing: 0.02em; }
.under { color: var(--soft); margin-top: 0.4rem; }
.verdict { display: inline-block; margin-top: 1rem; padding: 0.35rem 0.9rem; border: 1px solid currentcolor;
  border-radius: 2rem; font-weight: 600; font-size: 0.9rem; }
.good { color: var(--good); } .bad { color: var(--bad); } .wait { color: var(--wait); } .soft { color: var(--soft); }
.warnings { margin: 1rem 0; padding: 0.7rem 1rem; border-left: 3px solid var(--wait); background: var(--card);
  list-style: none; border-radius: 0 6px 6px 0; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: 0.8rem; margin-top: 1.6rem; }
.tile { padding: 0.9rem 1rem; background: var(--card); border: 1px solid var(--rule); border-radius: 10px; }
.tile b { display: block; font-size: 1.5rem; line-height: 1.25; font-weight: 640; letter-spacing: -0.02em; }
.tile b small { font-size: 0.6em; font-weight: 500; color: var(--soft); letter-spacing: 0; margin-left: 0.2em; }
.tile span { color: var(--soft); font-size: 0.82rem; }
.plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 26rem), 1fr)); gap: 1rem; }
figure { padding: 1rem 1rem 0.6rem; background: var(--card); border: 1px solid var(--rule); border-radius: 10px;
  display: flex; flex-direction: column; }
figcaption p { color: var(--soft); font-size: 0.82rem; }
figure > svg { margin-top: auto; }
.legend { margin-top: 0.3rem; }
.key { color: var(--soft); font-size: 0.8rem; margin-right: 1rem; white-space: nowrap; }
.key::before { content: ""; display: inline-block; width: 0.85em; height: 0.3em; border-radius: 2px; margin-right: 0.4em;
  vertical-align: 0.2em; background: var(--c); }
.s1 { --c: var(--s1); } .s2 { --c: var(--s2); } .s3 { --c: var(--s3); } .s4 { --c: var(--s4); }
.plot { display: block; width: 100%; height: auto; padding-top: 0.5rem; }
.plot text { font: 11px system-ui, -apple-system, "Segoe UI", "Noto Sans", "Liberation Sans", Helvetica, sans-serif;
  fill: var(--soft); }
.plot .label { fill: var(--ink); paint-order: stroke; stroke: var(--card); stroke-width: 3px; stroke-linejoin: round; }
.grid { stroke: var(--grid); } .axis { stroke: var(--rule); }
.rule { stroke: var(--ink); stroke-dasharray: 3 3; opacity: 0.55; }
.band { fill: var(--wash); } .hover { fill: transparent; } .hover:hover { fill: var(--wash); }
.line { fill: none; stroke: var(--c); stroke-width: 1.8; stroke-linejoin: round; stroke-linecap: round; }
.area { fill: var(--c); opacity: 0.14; } .bar, .dot { fill: var(--c); }
.dot { stroke: var(--card); stroke-width: 1.5; }
.scroll { overflow-x: auto; background: var(--card); border: 1px solid var(--rule); border-radius: 10px; }
table { border-collapse: collapse; width: 100%; font-size: 0.88rem; }
th, td { padding: 0.4rem 0.9rem; text-align: right; border-top: 1px solid var(--grid); white-space: nowrap; }
th { color: var(--soft); font-weight: 550; font-size: 0.8rem; border-top: 0; }
th:first-child, td:first-child, .text { text-align: left; white-space: normal; }
tr.head td { color: var(--soft); font-weight: 600; font-size: 0.8rem; background: var(--wash); }
.groups { columns: 26rem; column-gap: 1rem; }
.groups .scroll { break-inside: avoid; margin-bottom: 1rem; }
code, pre { font-family: var(--mono); font-size: 0.82rem; }
td code { color: var(--soft); white-space: nowrap; }
pre { padding: 0.9rem 1rem; background: var(--card); border: 1px solid var(--rule); border-radius: 10px;
  white-space: pre-wrap; }
.expectations { list-style: none; padding: 0.4rem 0; background: var(--card); border: 1px solid var(--rule);
  border-radius: 10px; }
.expectations li { display: flex; gap: 0.7rem; padding: 0.25rem 1rem; align-items: baseline; }
.expectations .value { margin-left: auto; }
.meter { display: inline-block; vertical-align: middle; width: 6rem; height: 0.45rem; border-radius: 3px;
  background: var(--grid); overflow: hidden; }
.meter i { display: block; height: 100%; background: var(--s1); }
footer { margin-top: 2.4rem; color: var(--soft); font-size: 0.82rem; }
@media print { body { max-width: none; } figure, .tile, table { break-inside: avoid; } }
)";

}  // namespace

std::string_view report_style() { return style; }

}  // namespace sluice::bench
