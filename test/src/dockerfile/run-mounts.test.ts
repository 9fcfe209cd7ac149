import { describe, expect, test } from 'vitest';
import { mountFrom, parseRunMount } from '../../../src/dockerfile/run-mounts.ts';

const read = (text: string) => parseRunMount(text, (value) => value.replaceAll('$x', 'X'));

describe('parseRunMount()', () => {
  test.each([
    ['target=/a', { type: 'bind', target: '/a', readonly: true, required: false }],
    [
      'type=bind,rw,dst=/a,src=b,from=c',
      { type: 'bind', target: '/a', source: 'b', from: 'c', readonly: false, required: false },
    ],
    [
      'TYPE=Cache,destination=/a,id=$x',
      { type: 'cache', target: '/a', id: 'X', readonly: false, required: false },
    ],
    [
      'type=cache,target=/a,ro=true,sharing=LOCKED,mode=0700,uid=1,gid=2',
      {
        type: 'cache',
        target: '/a',
        readonly: true,
        sharing: 'locked',
        mode: 0o700,
        uid: 1,
        gid: 2,
        required: false,
      },
    ],
    [
      'type=tmpfs,target=/a,size=64m',
      { type: 'tmpfs', target: '/a', size: 67108864, readonly: false, required: false },
    ],
    [
      'type=secret,id=s,required,env=S',
      { type: 'secret', id: 's', required: true, env: 'S', readonly: true },
    ],
    ['type=secret,src=s,required=false', { type: 'secret', source: 's', required: false, readonly: true }],
    ['type=ssh', { type: 'ssh', readonly: true, required: false }],
    ['"target=/a,b",readwrite=true', { type: 'bind', target: '/a,b', readonly: false, required: false }],
    [
      'type=$x,target=/a'.replace('$x', 'bind'),
      { type: 'bind', target: '/a', readonly: true, required: false },
    ],
  ])('reads %s', (text, expected) => {
    expect(read(text)).toEqual(expected);
  });

  test.each([
    ['typ=tmpfs', "unexpected key 'typ' in 'typ=tmpfs' (did you mean type?)"],
    ['type=tmp', 'unsupported mount type "tmp" (did you mean tmpfs?)'],
    ['type=cache,sharing=private1', 'unsupported sharing value "private1" (did you mean private?)'],
    ['target', "invalid field 'target' must be a key=value pair"],
    ['ro=maybe', 'invalid value for ro: maybe'],
    ['rw=maybe', 'invalid value for rw: maybe'],
    ['size=1m', "unexpected key 'size' for mount type 'bind'"],
    ['type=tmpfs,size=big', 'invalid value for size: big'],
    ['required', "unexpected key 'required' for mount type 'bind'"],
    ['type=ssh,required=perhaps', 'invalid value for required: perhaps'],
    ['target=/a,mode=0755', 'mode not allowed for "bind" type mounts'],
    ['type=tmpfs,target=/a,uid=1', 'uid not allowed for "tmpfs" type mounts'],
    ['target=/a,gid=1', 'gid not allowed for "bind" type mounts'],
    ['type=cache,target=/a,mode=9', 'invalid value 9 for mode'],
    ['type=cache,target=/a,uid=me', 'invalid value me for uid'],
    ['type=cache,target=/a,gid=-1', 'invalid value -1 for gid'],
    ['type=secret', 'invalid secret mount. one of source, target required'],
    ['type=secret,id=a,from=b', 'secret mount should not have a from'],
    ['type=secret,id=a,source=b', "both source and id can't be set"],
    ['type=secret,id=a,sharing=locked', 'secret mount should not define sharing'],
    ['type=ssh,source=a', 'ssh does not support source'],
    ['target=/a,sharing=shared', 'invalid cache sharing set for bind mount'],
    ['target=/a"b', 'bare " in non-quoted-field: target=/a"b'],
  ])('refuses %s: %s', (text, message) => {
    expect(() => read(text)).toThrow(message);
  });
});

describe('mountFrom()', () => {
  test.each([
    ['target=/a', undefined],
    ['from=build,target=/a', 'build'],
    ['FROM=build', 'build'],
    ['from=,target=/a', undefined],
    ['from=a,from=b', 'b'],
  ])('of %s is %j', (text, expected) => {
    expect(mountFrom(text)).toBe(expected);
  });

  test('refuses variables', () => {
    expect(() => mountFrom('from=$stage')).toThrow(
      "'from' doesn't support variable expansion, define alias stage instead",
    );
  });
});
