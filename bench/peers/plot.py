"""The comparison as one SVG: a panel for each figure, a bar for each server. Readable on light and on dark pages."""

from xml.sax.saxutils import escape

from page import heading, shown
from servers import Server
from work import Result

WIDTH, NAME_WIDTH, VALUE_WIDTH = 760, 150, 110
BAR, GAP, TITLE, MARGIN = 18, 6, 34, 16
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1f2328; }
  .title { font-weight: 600; }
  .note { fill: #59636e; font-size: 12px; }
  .bar { fill: #8c959f; }
  .ours { fill: #0969da; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; } .note { fill: #9198a1; } .bar { fill: #656c76; } .ours { fill: #4493f8; }
  }"""
# (work, figure, what is better)
PANELS = [
    ("100 × 10, one at a time", "deliveries per CPU second", "more is better"),
    ("100 × 10, at a rate", "deliveries per CPU second", "more is better"),
    ("100 × 100, at a rate", "deliveries per CPU second", "more is better"),
    ("100 × 10, one at a time", "p99, ms", "less is better"),
    ("idle, 100 × 100", "bytes per stream", "less is better"),
    ("idle, 1,000 × 1", "bytes per connection", "less is better"),
    ("storm, 100 × 10", "lost", "less is better"),
    ("slow readers, 100 × 10", "memory grown by, bytes", "less is better"),
]


def panel(top: float, title: str, figure: str, better: str, results: dict[Server, Result]) -> tuple[str, float]:
    values = {server: result.values.get(figure) for server, result in results.items()}
    longest = max((value for value in values.values() if value is not None), default=0) or 1
    room = WIDTH - 2 * MARGIN - NAME_WIDTH - VALUE_WIDTH
    parts = [f'<text class="title" x="{MARGIN}" y="{top + 20}">{escape(title)}: {escape(heading(figure))} '
             f'<tspan class="note">({better})</tspan></text>']
    y = top + TITLE
    for server, value in values.items():
        kind = "bar ours" if server.name == "sluice" else "bar"
        length = max(1.0, room * max(0.0, value or 0) / longest)
        parts.append(f'<text x="{MARGIN + NAME_WIDTH - 8}" y="{y + 14}" text-anchor="end">{escape(server.name)}</text>')
        if value is not None:
            parts.append(f'<rect class="{kind}" x="{MARGIN + NAME_WIDTH}" y="{y}" width="{length:.1f}" height="{BAR}" rx="2"/>')
        else:
            length = 0
        text = shown(figure, value) if value is not None else results[server].failure.partition(" (")[0] or "–"
        parts.append(f'<text class="note" x="{MARGIN + NAME_WIDTH + length + 6:.1f}" y="{y + 14}">{escape(text)}</text>')
        y += BAR + GAP
    return "\n".join(parts), y


def plot(results: dict[str, dict[Server, Result]]) -> str:
    parts, top = [], float(MARGIN // 2)
    for work, figure, better in PANELS:
        if work in results:
            part, top = panel(top, work, figure, better, results[work])
            parts.append(part)
    body = "\n".join(parts)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top + MARGIN:.0f}" role="img" '
            f'aria-label="sluice and its peers, figure by figure">\n<style>{STYLE}\n</style>\n{body}\n</svg>\n')
