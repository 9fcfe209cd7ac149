import { type Command, Option } from 'commander';
import type { BuildOptionValues } from './build-options.ts';
import { UsageError } from './usage-error.ts';

/** Options of `docker build` that ask for nothing here: why. */
const WITHOUT_EFFECT: Readonly<Record<string, string>> = {
  '--builder <name>': 'there is one builder, this program',
  '--load': 'the image is in the store in any case',
  '--security-opt <option>': 'steps have the default security options, or --allow security.insecure',
  '--isolation <technology>': 'steps are isolated by namespaces',
  '--compress': 'the context is read where it lies',
  '--squash': 'the image keeps its layers',
};

/** The same, but what everybody gets anyway. */
const ANYWAY = ['--rm', '--force-rm', '--disable-content-trust'];

/** Declares the options that are accepted for the sake of those who write them. */
export function declareAccepted(command: Command): void {
  for (const [flags, why] of Object.entries(WITHOUT_EFFECT)) {
    const option = new Option(flags, `no effect: ${why}`);
    // May be repeated, as all of them may in Docker.
    command.addOption(flags.includes('<') ? option.argParser((value: string) => value) : option);
  }
  for (const flags of ANYWAY) command.addOption(new Option(flags).hideHelp());
  command.addOption(new Option('--policy <policy>').hideHelp());
}

/** A line for each such option that was given. Throws for one that must not be passed over in silence. */
export function buildNotices(values: BuildOptionValues): readonly string[] {
  if (values.policy !== undefined)
    throw new UsageError('--policy is not supported: sources would be used that it may forbid');
  return Object.entries(WITHOUT_EFFECT).flatMap(([flags, why]) => {
    const option = new Option(flags);
    const value = values[option.attributeName()];
    return value === undefined || value === false || value === 'default' || value === ''
      ? []
      : [`${option.long} has no effect: ${why}`];
  });
}
