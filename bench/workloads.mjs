// What the tools are given to do, quick work first. A workload makes its context once (`fill`, `text` is its Dockerfile);
// `publish` is an image that tsbuild pushes for all tools, `prepare` warms each tool (a build, unless said otherwise).
// `before` each turn is not timed, `step` is; `after` all turns what is left is removed, much of it where `heavy`. The
// limits are what the machine itself needs for the same bytes or processes (limits.mjs). `leaveOut`: tools for which the
// row says nothing.
import { graphs, steps } from './workloads/building.mjs';
import { containers } from './workloads/containers.mjs';
import { copying } from './workloads/copying.mjs';
import { limited } from './workloads/limited.mjs';

const all = { ...steps, ...graphs, ...copying, ...containers, ...limited };
const ORDER =
  'noop run run-nonet detached touch-big run10 stages eight-at-once compile npm rm-big copy512m write512m ignored layers127 pull apt monorepo copy-warm save stages30 copy50k copy-edit memory-copy memory-pull memory-files base-big push memory-push';

export const workloads = Object.fromEntries(ORDER.split(' ').map((name) => [name, all[name]]));
