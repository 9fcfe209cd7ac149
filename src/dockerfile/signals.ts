const NAMES =
  'HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS';
const KNOWN = new Set([...NAMES.split(' '), 'IOT', 'CLD', 'POLL', 'UNUSED', 'RTMIN', 'RTMAX']);

/** Whether STOPSIGNAL may name it: any number but 0, or a Linux signal with or without SIG. */
export function isSignal(text: string): boolean {
  if (/^[+-]?\d+$/.test(text)) return Number(text) !== 0;
  const name = text.toUpperCase().replace(/^SIG/, '');
  const realTime = /^RT(MIN\+|MAX-)(\d+)$/.exec(name);
  if (realTime === null) return KNOWN.has(name);
  const offset = Number(realTime[2]);
  return offset >= 1 && offset <= (realTime[1] === 'MIN+' ? 15 : 14);
}
