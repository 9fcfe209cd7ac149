import { expect, test } from 'vitest';
import { isSignal } from '../../../src/dockerfile/signals.ts';

test.each(['9', 'SIGKILL', 'kill', 'SIGRTMIN', 'RTMIN+3', 'SIGRTMAX-14', '99', 'SIGPOLL'])(
  'isSignal(%j)',
  (text) => {
    expect(isSignal(text)).toBe(true);
  },
);

test.each(['', '0', 'foo', 'SIG', 'RTMIN+16', 'RTMAX-15', 'RTMIN+0', 'SIGSIGKILL'])(
  'isSignal(%j) is false',
  (text) => {
    expect(isSignal(text)).toBe(false);
  },
);
