// Flame charts as SVG text: who called whom down the page, each as wide as the time that was spent in it. Reads what
// `node --cpu-prof` writes (the protocol's Profiler.Profile: nodes, samples, timeDeltas in µs).

const WIDTH = 1200;
const ROW = 16;
const TOP = 44;
/** Parts of the whole below which a frame is not drawn, or not named. */
const LEAST = { drawn: 1 / 400, named: 1 / 30 };
const DEEPEST = 28;

/** Colours: the program's own code, Node's, V8's (collector, compiler), native code. */
const COLOURS = { own: '#f4a261', node: '#8ecae6', engine: '#cdb4db', native: '#b7e4c7' };

/** `profiles`: `[{ name, profile }]`, one for each thread; the first that Node started is the main one. */
export function flameChart(title, profiles) {
  const threads = profiles.map(({ name, profile }) => ({ name, root: treeOf(profile) }));
  const total = Math.max(...threads.map(({ root }) => root.time));
  let at = TOP;
  const bodies = threads.map(({ name, root }) => {
    const body = [text(4, at - 5, `${name}: ${milliseconds(root.time)}`, '#000', 13)];
    const depth = frames(root, 0, at, total, body);
    at += (depth + 2) * ROW + 12;
    return body.join('\n');
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${at}" font-family="sans-serif">
<title>${escaped(title)}</title>
<rect width="${WIDTH}" height="${at}" fill="#fff"/>
${text(4, 18, title, '#000', 15)}
${legend()}
${bodies.join('\n')}
</svg>
`;
}

/** Calls of the same function by the same callers become one; what a thread waited is left out. */
function treeOf({ nodes, samples, timeDeltas }) {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const self = new Map();
  for (const [index, id] of samples.entries()) self.set(id, (self.get(id) ?? 0) + timeDeltas[index]);
  const build = (group) => {
    const { functionName: name, url, lineNumber } = group[0].callFrame;
    const children = new Map();
    for (const child of group.flatMap((node) => node.children ?? []).map((id) => byId.get(id))) {
      const { functionName, url: from } = child.callFrame;
      const key = `${functionName} ${from}`;
      children.set(key, [...(children.get(key) ?? []), child]);
    }
    const below = [...children.values()].map(build).filter((child) => child.name !== '(idle)');
    const own = group.reduce((sum, { id }) => sum + Math.max(0, self.get(id) ?? 0), 0);
    const time = own + below.reduce((sum, child) => sum + child.time, 0);
    return { name, url, lineNumber, time, children: below.sort((a, b) => b.time - a.time) };
  };
  return build([nodes[0]]);
}

/** Draws what is below a frame; gives how deep it goes. */
function frames(frame, left, top, total, body, level = 0) {
  let depth = 0;
  let at = left;
  for (const child of frame.children) {
    const part = child.time / total;
    const width = part * WIDTH;
    if (part >= LEAST.drawn && level < DEEPEST) {
      body.push(box(child, at, top, width, part));
      depth = Math.max(depth, 1 + frames(child, at, top + ROW, total, body, level + 1));
    }
    at += width;
  }
  return depth;
}

/** Modules that run late are functions named `lazy:` and their file (build-lazy.mjs): here by the file in the project. */
const nameOf = (name) => name.replace('lazy:', '').replace(`${process.cwd()}/`, '');

function box({ name, url, lineNumber, time }, left, top, width, part) {
  const place = url === '' ? '' : ` (${url.replace(/^.*\//, '')}:${lineNumber + 1})`;
  const label = nameOf(name) || 'anonymous';
  const shown = part < LEAST.named ? '' : text(left + 3, top + 12, label.slice(0, width / 6.2), '#222', 11);
  const title = escaped(`${label}${place}: ${milliseconds(time)}, ${(part * 100).toFixed(1)} %`);
  return `<g><title>${title}</title><rect x="${left.toFixed(1)}" y="${top}" width="${Math.max(0.5, width - 0.5).toFixed(1)}" height="${ROW - 1}" fill="${COLOURS[kindOf(name, url)]}"/>${shown}</g>`;
}

function kindOf(name, url) {
  if (url.startsWith('node:')) return 'node';
  if (url !== '') return 'own';
  return name === '(garbage collector)' || name === '(program)' ? 'engine' : 'native';
}

function legend() {
  const kinds = [
    ['own', 'tsbuild', 500],
    ['node', 'Node', 570],
    ['engine', "V8's collector, and outside of JavaScript", 630],
    ['native', "V8's built-in functions", 880],
  ];
  return kinds
    .map(
      ([kind, name, left]) =>
        `<rect x="${left}" y="8" width="12" height="12" fill="${COLOURS[kind]}"/>${text(left + 16, 18, name, '#000', 11)}`,
    )
    .join('');
}

function milliseconds(microseconds) {
  return `${(microseconds / 1000).toFixed(1)} ms`;
}

function text(left, at, content, colour, size) {
  return `<text x="${left.toFixed(1)}" y="${at}" fill="${colour}" font-size="${size}">${escaped(content)}</text>`;
}

function escaped(content) {
  return String(content).replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
