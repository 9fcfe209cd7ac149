import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { login as logIn, logout as logOut } from '../../index.ts';
import { ExitCode } from '../exit-status.ts';
import { stdout } from '../output.ts';
import type { CommandModule } from '../tsctr.ts';
import { UsageError } from '../usage-error.ts';

interface LoginValues {
  readonly username?: string;
  readonly password?: string;
  readonly passwordStdin?: boolean;
}

export const login: CommandModule = {
  declare(command, done) {
    command
      .argument('[registry]', 'host and port; Docker Hub unless told')
      .option('-u, --username <name>', 'user name')
      .option('-p, --password <password>', 'password or access token')
      .option('--password-stdin', 'take the password from standard input')
      .action(async (registry: string | undefined, values: LoginValues) => {
        const { username, password } = await ask(values);
        const { file, plainText } = await logIn({
          ...(registry !== undefined && { registry }),
          username,
          password,
        });
        if (plainText) {
          process.stderr.write(
            `WARNING! Your credentials are stored unencrypted in '${file}'.\nConfigure a credential helper (credsStore in that file) to remove this warning.\n\n`,
          );
        }
        stdout.write('Login Succeeded\n');
        done(ExitCode.ok);
      });
  },
};

export const logout: CommandModule = {
  declare(command, done) {
    command
      .argument('[registry]', 'host and port; Docker Hub unless told')
      .action(async (registry: string | undefined) => {
        const name = registry ?? 'https://index.docker.io/v1/';
        const wasThere = await logOut(registry);
        stdout.write(wasThere ? `Removing login credentials for ${name}\n` : `Not logged in to ${name}\n`);
        done(ExitCode.ok);
      });
  },
};

async function ask(values: LoginValues): Promise<{ readonly username: string; readonly password: string }> {
  const { password, passwordStdin } = values;
  if (password !== undefined && passwordStdin)
    throw new UsageError('conflicting options: cannot specify both --password and --password-stdin');
  if (passwordStdin) {
    if (values.username === undefined)
      throw new UsageError('the --password-stdin option requires --username to be set');
    return {
      username: values.username,
      password: (await buffer(process.stdin)).toString().replace(/\r?\n$/, ''),
    };
  }
  if (password !== undefined) {
    process.stderr.write('WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n');
  } else if (!process.stdin.isTTY) {
    throw new UsageError(
      'cannot ask for a password, since standard input is no terminal: use --password-stdin',
    );
  }
  const username = values.username ?? (await question('Username: ', true));
  return { username, password: password ?? (await question('Password: ', false)) };
}

/** One line from the terminal; without `echo` what is typed is not shown. */
async function question(prompt: string, echo: boolean): Promise<string> {
  process.stderr.write(prompt);
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const reader = createInterface({
    input: process.stdin,
    output: echo ? process.stderr : nowhere,
    terminal: true,
  });
  try {
    return await reader.question('');
  } finally {
    reader.close();
    if (!echo) process.stderr.write('\n');
  }
}
