"""Lines over time as one SVG, readable on light and on dark pages."""

import math
from xml.sax.saxutils import escape

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760, 260, 64, 16, 34, 40
STYLE = """
  text { font: 12px system-ui, sans-serif; fill: #59636e; }
  .title { font-size: 13px; font-weight: 600; fill: #1f2328; }
  .axis { stroke: #d1d9e0; fill: none; }
  .a { stroke: #0969da; } .b { stroke: #8c959f; } .c { stroke: #bc4c00; }
  .fa { fill: #0969da; } .fb { fill: #6e7781; } .fc { fill: #bc4c00; }
  .line { fill: none; stroke-width: 1.8; }
  @media (prefers-color-scheme: dark) {
    text { fill: #9198a1; } .title { fill: #e6edf3; } .axis { stroke: #3d444d; }
    .a { stroke: #4493f8; } .b { stroke: #9198a1; } .c { stroke: #db6d28; }
    .fa { fill: #4493f8; } .fb { fill: #9198a1; } .fc { fill: #db6d28; }
  }"""


def step(top: float) -> float:
    """Of a scale with four to eight lines."""
    if top <= 0:
        return 1
    power = 10 ** math.floor(math.log10(top))
    for share in (0.2, 0.5, 1, 2):
        if top / (power * share) <= 8:
            return power * share
    return power * 2


def number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 10 or float(value).is_integer() else f"{value:g}"


def panel(top: float, title: str, unit: str, lines: dict[str, list[tuple[float, float]]]) -> str:
    points = [point for line in lines.values() for point in line]
    right, high = max((x for x, _ in points), default=1) or 1, max((y for _, y in points), default=1) or 1
    across, down = step(right), step(high)
    high = math.ceil(high / down) * down

    def place(x: float, y: float) -> tuple[float, float]:
        return LEFT + x / right * (WIDTH - LEFT - RIGHT), top + HEIGHT - BOTTOM - y / high * (HEIGHT - TOP - BOTTOM)

    parts = [f'<text class="title" x="{LEFT}" y="{top + 16}">{escape(title)}</text>']
    for index in range(int(high / down + 0.5) + 1):
        x, y = place(0, index * down)
        parts += [f'<path class="axis" d="M{x:.1f} {y:.1f}H{WIDTH - RIGHT}"/>',
                  f'<text x="{x - 6:.1f}" y="{y + 4:.1f}" text-anchor="end">{number(index * down)}</text>']
    for index in range(int(right / across) + 1):
        x, y = place(index * across, 0)
        parts.append(f'<text x="{x:.1f}" y="{y + 16:.1f}" text-anchor="middle">{number(index * across)}</text>')
    parts.append(f'<text x="{WIDTH - RIGHT}" y="{top + HEIGHT - 8}" text-anchor="end">{escape(unit)}</text>')
    at = float(LEFT)
    for kind, (name, line) in zip("abc", lines.items()):
        path = " ".join(f"{'M' if index == 0 else 'L'}{x:.1f} {y:.1f}" for index, (x, y) in enumerate(place(*point) for point in line))
        parts += [f'<path class="line {kind}" d="{path}"/>',
                  f'<text class="f{kind}" x="{at:.1f}" y="{top + HEIGHT - 8}">— {escape(name)}</text>']
        at += 20 + 7 * len(name)
    return "\n".join(parts)


def chart(label: str, panels: list[tuple[str, str, dict[str, list[tuple[float, float]]]]]) -> str:
    """Of each panel: its title, its unit of time, its lines by name."""
    body = "\n".join(panel(index * HEIGHT, *each) for index, each in enumerate(panels))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {len(panels) * HEIGHT}" role="img" '
            f'aria-label="{escape(label)}">\n<style>{STYLE}\n</style>\n{body}\n</svg>\n')
