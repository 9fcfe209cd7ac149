// A line chart as SVG text: a few series of points over one axis from zero, each with its name and its last value.

const WIDTH = 720;
const HEIGHT = 400;
const FRAME = { left: 70, right: 190, top: 40, bottom: 45 };
const COLOURS = ['#1f77b4', '#d62728', '#2ca02c', '#9467bd'];

/** `series`: `[{ label, points: [[x, y], …] }]`. */
export function lineChart({ title, x, y, series }) {
  const points = series.flatMap((one) => one.points);
  const most = [
    Math.max(...points.map(([at]) => at)),
    roundUp(Math.max(...points.map(([, value]) => value))),
  ];
  const across = (value) => FRAME.left + (value / most[0]) * (WIDTH - FRAME.left - FRAME.right);
  const down = (value) => HEIGHT - FRAME.bottom - (value / most[1]) * (HEIGHT - FRAME.top - FRAME.bottom);
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((part) => part * most[1]);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">
<title>${title}: ${y}</title>
<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>
${text(FRAME.left, 22, `${title}: ${y}`, 'font-size="15"')}
${ticks.map((value) => grid(across(0), across(most[0]), down(value), value)).join('\n')}
${[...new Set(points.map(([at]) => at))].map((at) => text(across(at), HEIGHT - FRAME.bottom + 18, at, 'text-anchor="middle"')).join('\n')}
${text((across(0) + across(most[0])) / 2, HEIGHT - 8, x, 'text-anchor="middle"')}
${labelled(series, down)
  .map(({ one, at }, index) => line(one, at, COLOURS[index % COLOURS.length], across, down))
  .join('\n')}
</svg>
`;
}

/** Where the name of each series goes: beside its end, but not over another's. */
function labelled(series, down) {
  const placed = series.map((one) => ({ one, at: down(one.points.at(-1)[1]) })).sort((a, b) => b.at - a.at);
  placed.forEach((label, index) => {
    // The last value is below the name, and not over the numbers of the axis.
    const lowest = index > 0 ? placed[index - 1].at - 28 : HEIGHT - FRAME.bottom - 13;
    label.at = Math.min(label.at, lowest);
  });
  return series.map((one) => placed.find((label) => label.one === one));
}

function line({ label, points }, at, colour, across, down) {
  const path = points.map(([px, py]) => `${across(px).toFixed(1)},${down(py).toFixed(1)}`);
  const right = WIDTH - FRAME.right + 10;
  return [
    `<polyline points="${path.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>`,
    ...path.map(
      (point) => `<circle cx="${point.split(',')[0]}" cy="${point.split(',')[1]}" r="3" fill="${colour}"/>`,
    ),
    text(right, at, label, `fill="${colour}"`),
    text(right, at + 13, points.at(-1)[1], `fill="${colour}"`),
  ].join('\n');
}

function grid(left, right, at, value) {
  return `<line x1="${left}" x2="${right}" y1="${at}" y2="${at}" stroke="#ddd"/>${text(left - 6, at + 4, value, 'text-anchor="end"')}`;
}

function text(x, y, content, attributes = '') {
  const escaped = String(content).replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${attributes}>${escaped}</text>`;
}

/** To 1, 2, 4 or 8 times a power of ten. */
function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return [1, 2, 4, 8, 10].map((factor) => factor * power).find((candidate) => candidate >= value);
}
