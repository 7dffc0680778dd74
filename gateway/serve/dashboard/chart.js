// A line over the last two minutes. A point without a value breaks the line: nobody knew it then.

export const shown_seconds = 120;

// The next 1, 2 or 5 times a power of ten.
function round_up(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value);
}

// points: [{ at, value }], `at` in seconds, the oldest first; now: the right edge; least: the top is not below it.
export function draw_chart(canvas, points, { now, least, text }) {
  const style = getComputedStyle(document.documentElement);
  const color = (name) => style.getPropertyValue(name).trim();
  const ratio = window.devicePixelRatio || 1;
  const width = canvas.clientWidth, height = canvas.clientHeight;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);

  const known = points.filter((point) => point.value !== null);
  const high = Math.max(least, ...known.map((point) => point.value));
  const top_value = high > least ? round_up(high) : least;
  const left = 1, right = width - 62, top = 10, bottom = height - 24;
  const x = (at) => right - (now - at) / shown_seconds * (right - left);
  const y = (value) => bottom - value / top_value * (bottom - top);

  pen.font = "12px system-ui, sans-serif";
  pen.lineWidth = 1;
  pen.fillStyle = color("--soft");
  pen.strokeStyle = color("--rule");
  pen.textBaseline = "middle";
  for (const share of [0, 0.5, 1]) {
    const at = Math.round(y(share * top_value)) + 0.5;
    pen.beginPath();
    pen.moveTo(left, at);
    pen.lineTo(right, at);
    pen.stroke();
    pen.fillText(text(share * top_value), right + 10, at);
  }
  pen.textBaseline = "alphabetic";
  for (const [seconds, words, align] of [[120, "2 min ago", "left"], [60, "1 min", "center"], [0, "now", "right"]]) {
    pen.textAlign = align;
    pen.fillText(words, x(now - seconds), height - 5);
  }
  if (known.length === 0) return;

  pen.lineWidth = 2;
  pen.lineJoin = "round";
  pen.strokeStyle = color("--water");
  const wash = pen.createLinearGradient(0, top, 0, bottom);
  wash.addColorStop(0, color("--wash"));
  wash.addColorStop(1, "transparent");
  pen.fillStyle = wash;
  pen.save();
  pen.beginPath();
  pen.rect(left, 0, right - left + 4, height);  // what is older than the left edge slides out
  pen.clip();
  for (let begin = 0; begin < points.length; ++begin) {
    if (points[begin].value === null) continue;
    let end = begin;
    while (end + 1 < points.length && points[end + 1].value !== null) ++end;
    pen.beginPath();
    for (const point of points.slice(begin, end + 1)) pen.lineTo(x(point.at), y(point.value));
    pen.stroke();
    pen.lineTo(x(points[end].at), bottom);
    pen.lineTo(x(points[begin].at), bottom);
    pen.fill();
    begin = end;
  }
  pen.restore();
  const last = points.at(-1);
  if (last.value === null) return;
  pen.beginPath();
  pen.arc(x(last.at), y(last.value), 3.5, 0, 2 * Math.PI);
  pen.fillStyle = color("--water");
  pen.fill();
}
