import { OperationError } from '../operation-error.ts';

/** Ways to a repository that a Dockerfile may ask for. `file` is for tests: it reads the host. */
export type GitProtocol = 'https' | 'http' | 'ssh' | 'git' | 'file';

export const REMOTE_PROTOCOLS: readonly GitProtocol[] = ['https', 'http', 'ssh', 'git'];

/** What a remote and a ref may look like, so that neither can be an option, a command or a way around the protocols. */
const HOST = /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])$/;
const USER = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/;
const SCP = /^([^/:@]+)@([^/:@]+):([^:].*)$/;
const COMMIT = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

/** A repository's address, checked and without secrets. */
export interface GitRemote {
  readonly address: string;
  /** User and password of an http(s) URL: a header for requests to its origin, and for nobody else. */
  readonly authorization?: { readonly origin: string; readonly header: string };
}

/** Checks a URL or `user@host:path`. Throws `UNSUPPORTED` for another protocol, `INVALID_ARGUMENT` for anything else. */
export function parseRemote(text: string, protocols: readonly GitProtocol[] = REMOTE_PROTOCOLS): GitRemote {
  if (/[\0-\x20\x7f]/.test(text)) throw invalid(JSON.stringify(text));
  if (!text.includes('://')) return parseScp(text, protocols);
  if (!URL.canParse(text)) throw invalid(JSON.stringify(text));
  const url = new URL(text);
  const { username, password } = url;
  const protocol = url.protocol.slice(0, -1);
  const isHttp = protocol === 'http' || protocol === 'https';
  url.password = '';
  if (protocol !== 'ssh') url.username = '';
  url.hash = '';
  const address = url.href;
  if (!(protocols as readonly string[]).includes(protocol)) throw unsupported(protocol, address);
  if (protocol === 'file') return { address };
  const isUserSound = protocol !== 'ssh' || username === '' || USER.test(username);
  if (!HOST.test(url.hostname) || !isUserSound || !/^\/[^-/]/.test(url.pathname)) throw invalid(address);
  if (!isHttp || (username === '' && password === '')) return { address };
  const user = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const header = `Authorization: Basic ${Buffer.from(user).toString('base64')}`;
  return { address, authorization: { origin: `${protocol}://${url.host}/`, header } };
}

/** The form that ssh is usually written in. */
function parseScp(text: string, protocols: readonly GitProtocol[]): GitRemote {
  const [, user = '', host = '', path = ''] = SCP.exec(text) ?? [];
  if (!USER.test(user) || !HOST.test(host) || path === '' || path.startsWith('-')) throw invalid(text);
  if (!protocols.includes('ssh')) throw unsupported('ssh', text);
  return { address: text };
}

/**
 * Checks a branch, tag, commit or full ref by git-check-ref-format(1), and that it begins with a letter or digit.
 * Throws `INVALID_ARGUMENT`.
 */
export function checkRef(ref: string): string {
  const isSound =
    /^[A-Za-z0-9][^\0-\x20\x7f~^:?*[\\]*$/.test(ref) &&
    !/\.\.|\/\/|@\{|\/\.|\.lock(?:\/|$)|[./]$/.test(ref) &&
    ref.length <= 1024;
  if (isSound) return ref;
  throw new OperationError('INVALID_ARGUMENT', ref, `Invalid git ref ${JSON.stringify(ref)}`);
}

/** Whether the ref is a whole commit hash, which nothing can move. */
export function isCommit(ref: string): boolean {
  return COMMIT.test(ref);
}

function invalid(shown: string): OperationError {
  return new OperationError('INVALID_ARGUMENT', shown, `Invalid git repository ${shown}`);
}

function unsupported(protocol: string, shown: string): OperationError {
  return new OperationError(
    'UNSUPPORTED',
    shown,
    `Cannot read the git repository ${shown}: the protocol ${JSON.stringify(protocol)} is not allowed`,
  );
}
