import { containerPorts, formatHostIp } from '../../index.ts';
import { ExitCode } from '../exit-status.ts';
import { stdout } from '../output.ts';
import type { CommandModule } from '../tsctr.ts';
import { UsageError } from '../usage-error.ts';

export const port: CommandModule = {
  declare(command, done) {
    command
      .argument('<container>')
      .argument('[port]', 'only where this one is published: PORT[/PROTOCOL]')
      .action(async (container: string, wanted: string | undefined) => {
        const published = Object.entries(await containerPorts(container)).flatMap(([name, bindings]) =>
          (bindings ?? []).map(({ HostIp, HostPort }) => ({
            name,
            where: `${formatHostIp(HostIp)}:${HostPort}`,
          })),
        );
        const lines = wanted === undefined ? published.map(({ name, where }) => `${name} -> ${where}`) : [];
        if (wanted !== undefined) {
          const name = wanted.includes('/') ? wanted : `${wanted}/tcp`;
          lines.push(...published.filter((each) => each.name === name).map(({ where }) => where));
          if (lines.length === 0) throw new UsageError(`No public port '${name}' published for ${container}`);
        }
        stdout.write(lines.map((line) => `${line}\n`).join(''));
        done(ExitCode.ok);
      });
  },
};
