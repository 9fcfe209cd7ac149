import type { Command, Option } from 'commander';
import { findOption } from '../../src/cli/deferred-options.ts';

/** Every option of a command, deferred ones too: those are declared for a name that none of them has. */
export function allOptions(command: Command): readonly Option[] {
  findOption(command, '--no-such-option');
  return command.options;
}
