import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Commands } from '../support/commands.ts';
import { tarOf } from '../support/tar-files.ts';

/**
 * Servers as people run them: Debian's packages in images built here, in the background with volumes and published
 * ports, under load from the host, stopped, started again with their data. It takes minutes and the network:
 * `DEBIAN_BASE=archive-of-debian:bookworm-slim npm run servers`.
 */
const base = process.env.SERVERS === undefined ? undefined : process.env.DEBIAN_BASE;
if (base === undefined) console.log('skipped: servers: npm run servers, with DEBIAN_BASE, runs them');

const FIXTURES = resolve(import.meta.dirname, '../../fixtures/servers');
const TIMEOUT = 600_000;

describe.skipIf(base === undefined)('servers', { timeout: TIMEOUT }, () => {
  let commands: Commands;
  const ctr = (...args: readonly string[]) => commands.tsctr(args);

  beforeAll(async () => {
    commands = new Commands();
    expect(await ctr('load', '-i', base!)).toMatchObject({ code: 0 });
    for (const name of ['nginx', 'redis', 'postgres', 'clients']) {
      const file = resolve(FIXTURES, `${name}.Dockerfile`);
      const { code, stderr } = await commands.tsbuild(['-q', '-t', name, '-f', file, FIXTURES]);
      expect({ code, stderr }).toMatchObject({ code: 0 });
    }
  }, TIMEOUT);
  afterAll(async () => {
    await ctr('rm', '-f', '-v', 'web', 'cache', 'database');
    await commands.remove();
  });

  /** A client on the host's network. */
  async function client(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await commands.tsrun(['--rm', '--network=host', 'clients', ...args]);
    expect({ args, code, stdout, stderr }).toMatchObject({ code: 0 });
    return stdout;
  }

  async function start(name: string, image: string, ...options: readonly string[]): Promise<void> {
    const { code, stderr } = await ctr('run', '-d', '--name', name, ...options, image);
    expect({ code, stderr }).toMatchObject({ code: 0 });
  }

  /** Where a port of a container is reached. */
  async function portOf(name: string, port: string): Promise<string> {
    const { stdout } = await ctr('port', name, port);
    return stdout.trim().split('\n')[0]!.replace(/^.*:/, '');
  }

  async function eventually(what: () => Promise<{ readonly code: number | null }>): Promise<void> {
    for (let attempt = 0; (await what()).code !== 0; attempt++) {
      if (attempt === 100) throw new Error(`not within ${attempt} attempts: ${what}`);
      await delay(200);
    }
  }

  async function stopCleanly(name: string): Promise<string> {
    expect(await ctr('stop', '-t', '30', name)).toMatchObject({ code: 0 });
    const { stdout } = await ctr(
      'inspect',
      '-f',
      '{{.State.Status}} {{.State.ExitCode}} {{.State.OOMKilled}}',
      name,
    );
    return stdout.trim();
  }

  /** The figures that a client prints. */
  const told = (name: string, output: string, pattern: RegExp) => {
    const found = pattern.exec(output)?.[1];
    console.log(`${name}: ${found}`);
    return Number(found);
  };

  test('nginx serves a volume, and takes up where it was', async () => {
    await start('web', 'nginx', '-p', '127.0.0.1::80', '-v', 'pages:/var/www/html');
    expect((await commands.tsctr(['cp', '-', 'web:/var/www/html'], { input: page() })).code).toBe(0);
    const url = async () => `http://127.0.0.1:${await portOf('web', '80')}/page.html`;
    const address = await url();
    await eventually(() => commands.tsrun(['--rm', '--network=host', 'clients', 'ab', '-n', '1', address]));
    const load = await client('ab', '-q', '-k', '-n', '20000', '-c', '20', address);
    expect(load).toContain('Failed requests:        0\n');
    expect(load).not.toContain('Non-2xx responses');
    expect(told('nginx, requests/s', load, /Requests per second: +([\d.]+)/)).toBeGreaterThan(0);
    expect(await stopCleanly('web')).toBe('exited 0 false');
    await ctr('start', 'web');
    const again = await url();
    await eventually(() => commands.tsrun(['--rm', '--network=host', 'clients', 'ab', '-n', '1', again]));
    expect(await client('ab', '-n', '10', again)).toContain('Document Length:        5000 bytes');
  });

  test('Redis keeps what it was given', async () => {
    await start('cache', 'redis', '-p', '127.0.0.1::6379', '-v', 'keys:/data');
    const cli = async (...args: readonly string[]) => [
      'redis-cli',
      '-p',
      await portOf('cache', '6379'),
      ...args,
    ];
    const ping = await cli('ping');
    await eventually(() => commands.tsrun(['--rm', '--network=host', 'clients', ...ping]));
    const port = await portOf('cache', '6379');
    const load = await client(
      'redis-benchmark',
      '-p',
      port,
      '-n',
      '50000',
      '-c',
      '20',
      '-t',
      'set',
      '-r',
      '1000',
      '--csv',
    );
    expect(told('redis, SET/s', load, /"SET","([\d.]+)"/)).toBeGreaterThan(0);
    await client(...(await cli('set', 'kept', 'value')));
    expect(await stopCleanly('cache')).toBe('exited 0 false');
    await ctr('start', 'cache');
    const again = await cli('ping');
    await eventually(() => commands.tsrun(['--rm', '--network=host', 'clients', ...again]));
    expect(await client(...(await cli('get', 'kept')))).toBe('value\n');
  });

  test('PostgreSQL keeps what was committed, stopped or killed', async () => {
    await start('database', 'postgres', '-p', '127.0.0.1::5432', '-v', 'pgdata:/var/lib/postgresql/data');
    const connection = async () => [
      '-h',
      '127.0.0.1',
      '-p',
      await portOf('database', '5432'),
      '-U',
      'postgres',
    ];
    const ready = async () => {
      const args = await connection();
      await eventually(() => commands.tsrun(['--rm', '--network=host', 'clients', 'pg_isready', ...args]));
    };
    const sql = async (text: string) =>
      (await client('psql', ...(await connection()), '-tAc', text, 'postgres')).trim();
    await ready();
    await client('pgbench', ...(await connection()), '-i', '-s', '2', '-q', 'postgres');
    const load = await client('pgbench', ...(await connection()), '-c', '4', '-T', '5', '-n', 'postgres');
    expect(load).toContain('number of failed transactions: 0 ');
    told('PostgreSQL, transactions/s', load, /tps = ([\d.]+)/);
    const count = await sql('select count(*) from pgbench_history');
    expect(Number(count)).toBeGreaterThan(0);
    expect(await stopCleanly('database')).toBe('exited 0 false');
    await ctr('start', 'database');
    await ready();
    expect(await sql('select count(*) from pgbench_history')).toBe(count);
    await sql('create table survivors as select generate_series(1, 1000)');
    await ctr('kill', 'database');
    expect(await ctr('wait', 'database')).toMatchObject({ stdout: '137\n' });
    await ctr('start', 'database');
    await ready();
    expect(await sql('select count(*) from survivors')).toBe('1000');
  });
});

/** A tar with a page of 5000 bytes. */
function page(): Buffer {
  return tarOf({ 'page.html': 'x'.repeat(5000) });
}
