import { dirname } from 'node:path';
import type { Environment } from '../../registry/proxy.ts';
import { OperationError } from '../operation-error.ts';
import type { GitProtocol, GitRemote } from './remote.ts';

export interface GitOptions {
  readonly environment: Environment;
  readonly protocols: readonly GitProtocol[];
  readonly signal: AbortSignal;
  readonly authorization?: GitRemote['authorization'];
  /** What git says on its standard error. */
  readonly log: (text: string) => void;
}

/** Of the caller's environment only what is needed to find programs, keys and the network. */
const PASSED_ON = [
  'PATH',
  'HOME',
  'USER',
  'SSH_AUTH_SOCK',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'GIT_SSL_CAINFO',
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'ALL_PROXY',
  'NO_PROXY',
  'http_proxy',
  'https_proxy',
  'all_proxy',
  'no_proxy',
];

/** Nobody's configuration counts, nothing is asked, and a connection on which nothing comes is given up. */
const FIXED = {
  LC_ALL: 'C',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_TERMINAL_PROMPT: '0',
  GIT_ASKPASS: 'true',
  SSH_ASKPASS: 'true',
  GIT_HTTP_LOW_SPEED_LIMIT: '100',
  GIT_HTTP_LOW_SPEED_TIME: '60',
  GIT_SSH_COMMAND: 'ssh -oBatchMode=yes -oConnectTimeout=30 -oServerAliveInterval=20',
  GIT_LFS_SKIP_SMUDGE: '1',
};

/** Nothing that a repository or a server says makes git run a program or read a file of the host. */
const CONFIG = ['core.hooksPath=/dev/null', 'core.fsmonitor=false', 'init.defaultBranch=main', 'gc.auto=0'];

const MOST_OUTPUT = 16 * 1024 * 1024;

/**
 * Files of a checkout get the modes that git has for them, whoever runs the build. The shell is there for the umask:
 * that of this process counts for its other threads too, which make files meanwhile.
 */
const START = 'umask 022; command -v git >/dev/null || exit 127; exec git "$@"';
/** A shell's status where there is no such program; git itself ends with no such one. */
const NO_GIT = 127;

/** Runs the host's git; no shell reads its arguments. Resolves with its standard output; throws with what it said. */
export async function runGit(
  directory: string,
  args: readonly string[],
  options: GitOptions,
): Promise<string> {
  const { signal, log } = options;
  signal.throwIfAborted();
  const { spawn } = await import('node:child_process');
  const child = spawn('/bin/sh', ['-c', START, 'sh', ...CONFIG.flatMap((line) => ['-c', line]), ...args], {
    cwd: directory,
    // A repository that the directory happens to be in is somebody's configuration too.
    env: { ...environmentOf(options), GIT_CEILING_DIRECTORIES: dirname(directory) },
    stdio: ['ignore', 'pipe', 'pipe'],
    signal,
    killSignal: 'SIGKILL',
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = `${said}${text}`.slice(-4096);
    log(text);
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    if (output.length > MOST_OUTPUT) child.kill('SIGKILL');
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject).on('close', resolve);
  });
  if (code === 0) return output;
  if (code === NO_GIT)
    throw new OperationError('UNSUPPORTED', 'git', 'Cannot read a git repository: git is not installed');
  const command = args[0] ?? '';
  throw new OperationError(
    'UNREACHABLE',
    command,
    `git ${command} failed: ${said.trim() || `status ${code}`}`,
  );
}

function environmentOf({ environment, protocols, authorization }: GitOptions): Record<string, string> {
  const passed = PASSED_ON.flatMap((name) => {
    const value = environment[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    ...Object.fromEntries(passed),
    ...FIXED,
    GIT_ALLOW_PROTOCOL: protocols.join(':'),
    // Neither in the arguments, which every user of the host can see, nor in a file of the repository.
    ...(authorization && {
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: `http.${authorization.origin}.extraHeader`,
      GIT_CONFIG_VALUE_0: authorization.header,
    }),
  };
}
