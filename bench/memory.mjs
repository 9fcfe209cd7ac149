// How much memory a command of ours takes at most, besides what runs inside of its containers.
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { environment } from './tools.mjs';

const INTERVAL_MILLISECONDS = 5;
const ourNamespace = readlinkSync('/proc/self/ns/pid');
const ourNode = identity(process.execPath);

/**
 * Runs the command; resolves to bytes of resident memory, shared pages with each process: `process` is the high-water
 * mark (VmHWM, which the kernel keeps) of its largest process, `together` the most that its processes had at one time.
 * A process counts unless it is a container's own: in another PID namespace, and another program than our Node.
 */
export function peakMemory([file, ...args]) {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { env: environment, stdio: ['ignore', 'ignore', 'pipe'] });
    const peak = { process: 0, together: 0 };
    const known = new Set([child.pid]);
    let stderr = '';
    child.stderr.on('data', (data) => {
      stderr = `${stderr}${data}`.slice(-300);
    });
    const timer = setInterval(() => sample(known, peak), INTERVAL_MILLISECONDS);
    child.on('error', reject).on('exit', (status) => {
      clearInterval(timer);
      if (status === 0) resolve(peak);
      else reject(new Error(`${file} ${args.join(' ')}: status ${status}: ${stderr.trim()}`));
    });
  });
}

/** Whom a process in the background has lost its parent for stays known. */
function sample(known, peak) {
  const seen = new Set();
  let together = 0;
  for (const pid of known) {
    const memory = attempt(() => memoryOf(pid));
    if (memory === undefined) {
      known.delete(pid);
      continue;
    }
    for (const child of memory.children) known.add(child);
    // What has just forked shares its parent's memory.
    if (!memory.counts || seen.has(memory.image)) continue;
    seen.add(memory.image);
    peak.process = Math.max(peak.process, memory.most);
    together += memory.now;
  }
  peak.together = Math.max(peak.together, together, peak.process);
}

function memoryOf(pid) {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    numbers(attempt(() => readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8')) ?? ''),
  );
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kibibytes = (name) => Number(new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(status)?.[1] ?? 0);
  // proc_pid_stat(5), after the name in parentheses: start_stack and arg_start, random for each program started.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ');
  const counts =
    readlinkSync(`/proc/${pid}/ns/pid`) === ourNamespace ||
    attempt(() => identity(`/proc/${pid}/exe`)) === ourNode;
  return {
    children,
    counts,
    image: `${fields[25]} ${fields[45]}`,
    most: kibibytes('VmHWM') * 1024,
    now: kibibytes('VmRSS') * 1024,
  };
}

function identity(path) {
  const { dev, ino } = statSync(path);
  return `${dev} ${ino}`;
}

function numbers(text) {
  return text.split(' ').filter(Boolean).map(Number);
}

/** Processes end while they are looked at. */
function attempt(body) {
  try {
    return body();
  } catch {
    return undefined;
  }
}
