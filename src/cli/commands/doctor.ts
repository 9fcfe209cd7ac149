import { diagnose, type HostFinding, VERSION } from '../../index.ts';
import { ExitCode } from '../exit-status.ts';
import { humanSize } from '../format/size.ts';
import { stdout } from '../output.ts';
import type { CommandModule } from '../tsctr.ts';

export const doctor: CommandModule = {
  declare(command, done) {
    command.option('--format <format>', 'json').action(async (values: { readonly format?: string }) => {
      const diagnosis = await diagnose();
      if (values.format === 'json') stdout.write(`${JSON.stringify(diagnosis)}\n`);
      else {
        const { kernel, works, findings, store } = diagnosis;
        stdout.write(`tsbuild ${VERSION}, Node ${process.version}, Linux ${kernel}\n\n`);
        stdout.write(findings.map(line).join(''));
        stdout.write(`\n${humanSize(store.free)} free in ${store.root}\n`);
        stdout.write(
          works ? 'Images can be built and containers run here\n' : 'Nothing can be run here yet\n',
        );
      }
      done(diagnosis.works ? ExitCode.ok : ExitCode.failure);
    });
  },
};

function line({ name, ok, required, detail, remedy }: HostFinding): string {
  const mark = ok ? 'ok' : required ? 'MISSING' : 'missing';
  const hint = remedy === undefined ? '' : `\n          ${remedy}`;
  return `${mark.padEnd(8)}  ${name}: ${detail}${hint}\n`;
}
