import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { describeCommands } from '../support/commands.ts';
import { PseudoTerminal } from '../support/pseudo-terminal.ts';

const dist = resolve(import.meta.dirname, '../../dist');
/** Starts of each kind in the loop that looks for ends that hang. */
const ROUNDS = Number(process.env.SOAK ?? 2);

describeCommands('ends of commands', (commands) => {
  const env = (): NodeJS.ProcessEnv => ({
    PATH: process.env.PATH,
    HOME: commands().folder,
    TSBUILD_ROOT: commands().root,
    DIST: dist,
    NODE: process.execPath,
  });
  const inFolder = (name: string) => join(commands().folder, name);
  /** A shell's own words about the commands `tsbuild`, `tsrun` and `tsctr`. */
  const shell = async (script: string, more: NodeJS.ProcessEnv = {}) => {
    const functions = ['tsbuild', 'tsrun', 'tsctr'].map(
      (name) => `${name}() { "$NODE" "$DIST/${name}.cjs" "$@"; }`,
    );
    const { stdout } = await promisify(execFile)('sh', ['-c', `${functions.join('\n')}\n${script}`], {
      cwd: commands().folder,
      env: { ...env(), ...more },
      timeout: 60_000,
    });
    return stdout.trim();
  };

  test('a command leaves without koffi’s and V8’s own end, unless Node is watched', async () => {
    const traced = (file: string, more?: NodeJS.ProcessEnv) =>
      shell(
        `strace -f -e trace=fsync -o ${file} "$NODE" "$DIST/tsctr.cjs" images -q > images 2>&1; grep -cE 'fsync\\([12]\\)' ${file} || true`,
        more,
      );
    expect(await traced('plain')).toBe('0');
    // As many as there are when Node ends by itself: what is asked above is asked of the right calls.
    expect(await traced('watched', { NODE_OPTIONS: '--no-deprecation' })).toBe('2');
  });

  test('a profile is written when Node is asked for one', async () => {
    await shell('"$NODE" --cpu-prof --cpu-prof-name=end.cpuprofile "$DIST/tsctr.cjs" images');
    expect(JSON.parse(readFileSync(inFolder('end.cpuprofile'), 'utf8'))).toHaveProperty('nodes');
  });

  test('large output comes through a slow pipe as a whole, with the exit status', async () => {
    const archive = 'tsctr save busybox';
    const size = await shell(`${archive} | wc -c`);
    expect(Number(size)).toBeGreaterThan(1 << 17);
    // A reader that takes 512 bytes at a time is always behind.
    expect(await shell(`{ ${archive}; echo $? > status; } | dd bs=512 status=none | wc -c`)).toBe(size);
    expect(readFileSync(inFolder('status'), 'utf8')).toBe('0\n');
    await shell(`${archive} > file`);
    expect(`${statSync(inFolder('file')).size}`).toBe(size);
  });

  test('output of a container and exported files come through a slow pipe as a whole', async () => {
    const bytes = 'dd if=/dev/zero bs=1k count=1024';
    expect(
      await shell(`tsrun --rm --network=none busybox ${bytes} 2>/dev/null | dd bs=512 status=none | wc -c`),
    ).toBe(`${1 << 20}`);
    const tar = "printf 'FROM busybox\\n' | tsbuild -q -o type=tar,dest=- - ";
    const size = await shell(`${tar} | wc -c`);
    expect(Number(size)).toBeGreaterThan(1 << 17);
    expect(await shell(`${tar} | dd bs=512 status=none | wc -c`)).toBe(size);
  });

  test.each([
    ['exit 7', '7'],
    ['exec 2>/dev/null; sh -c "kill -9 \\$\\$"; exit $?', '137'],
    ['exit 0', '0'],
  ])('tsrun ends with the container’s status, when it runs %j', async (script, status) => {
    for (const to of ['> file', '| cat', '>&-'])
      expect(
        await shell(
          `{ tsrun --rm --network=none busybox sh -c '${script}'; echo $? >&2; } 2> status ${to}; cat status`,
        ),
      ).toBe(status);
  });

  test('a reader that has gone ends a command with 1', async () => {
    expect(
      await shell(
        '{ tsctr save busybox 2>/dev/null; echo $? > status; } | head -c 1 > /dev/null; cat status',
      ),
    ).toBe('1');
  });

  test('a pipe that a command has written to blocks as before', async () => {
    const flags = await shell(
      '{ tsctr images; tsbuild --help; cat /proc/self/fdinfo/1 >&2; } 2>&1 | grep ^flags',
    );
    // open(2), O_NONBLOCK.
    expect(Number.parseInt(flags.split(/\s+/)[1]!, 8) & 0o4000).toBe(0);
  });

  test('a pipe whose reader is behind, for which Node opens its stream, blocks as before', async () => {
    // More than a pipe holds.
    const size = Number(await shell('tsctr save busybox | wc -c'));
    expect(size).toBeGreaterThan(1 << 17);
    const script = String.raw`
      is_nonblocking() { grep -qE '^flags:\s*[0-7]*[4-7][0-7]{3}$' /proc/self/fdinfo/3; }
      {
        tsctr save busybox &
        tries=0
        until is_nonblocking || [ $tries = 400 ]; do sleep 0.05; tries=$((tries + 1)); done
        is_nonblocking; echo $? > during
        wait $!
        is_nonblocking; echo $? > after
      } 3>&1 | { until [ -e during ]; do sleep 0.05; done; wc -c; }
      cat during after`;
    expect(await shell(script)).toBe(`${size}\n0\n1`);
  });

  test('a terminal is as it was when a command has ended', async () => {
    const script = `stty -a > before; "$NODE" "$DIST/tsrun.cjs" --rm --network=none busybox true; "$NODE" "$DIST/tsctr.cjs" images; stty -a > after; cat /proc/self/fdinfo/1 > flags`;
    const terminal = await PseudoTerminal.start(['sh', '-c', `cd ${commands().folder}; ${script}`], env());
    await once(terminal.child, 'close');
    expect(readFileSync(inFolder('after'), 'utf8')).toBe(readFileSync(inFolder('before'), 'utf8'));
    expect(
      Number.parseInt(/^flags:\s*(\d+)/m.exec(readFileSync(inFolder('flags'), 'utf8'))![1]!, 8) & 0o4000,
    ).toBe(0);
  });

  test(
    'commands end, however often they are started',
    async () => {
      const starts = [
        'tsctr images -q',
        "printf 'FROM busybox\\n' | tsbuild -q -",
        'tsrun --rm --network=none busybox true',
      ];
      for (let round = 0; round < ROUNDS; round++)
        for (const start of starts)
          for (const to of ['> file', '| cat > /dev/null']) await shell(`${start} ${to}`);
    },
    60_000 + ROUNDS * 20_000,
  );
});
