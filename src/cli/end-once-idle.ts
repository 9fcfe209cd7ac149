import { leaveAtOnce } from '../index.ts';

/**
 * Has the process leave as soon as nothing is left to do: output that is being written, streams and timers that are
 * waited for, all that keeps Node going comes first, and so do the listeners for its end. Where somebody watches this
 * Node, for a profile or in a debugger, it ends as ever: what they get is written then.
 */
export function endOnceIdle(): void {
  if (isWatched()) return;
  process.once('beforeExit', () => {
    const leave = leaveAtOnce();
    if (leave === undefined) return;
    process.once('exit', leave);
    process.exit();
  });
}

function isWatched(): boolean {
  const { NODE_OPTIONS, NODE_V8_COVERAGE } = process.env;
  return process.execArgv.length > 0 || Boolean(NODE_OPTIONS) || Boolean(NODE_V8_COVERAGE);
}
