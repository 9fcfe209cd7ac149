import type { DeferredOptions } from '../deferred-options.ts';
import type { OptionValues } from '../option-values.ts';
import { UsageError } from '../usage-error.ts';

/** What `docker run` has and this has not: why, and what to do instead. */
const UNSUPPORTED: Readonly<Record<string, string>> = {
  '--gpus <request>':
    'there is no driver for them here: name the devices with --device, and mount their libraries',
  '--userns <mode>': 'containers have no user namespace of their own',
  '--volume-driver <name>': 'volumes are directories of this machine',
  '--storage-opt <option>': 'the size of a root cannot be limited',
  '--cpu-rt-period <us>': 'use --cpus',
  '--cpu-rt-runtime <us>': 'use --cpus',
  '--use-api-socket': 'there is no daemon',
};

/** Values that ask for nothing, by attribute name. */
const HARMLESS: Readonly<Record<string, readonly string[]>> = { userns: ['host', ''] };

export function declareUnsupported(options: DeferredOptions): void {
  for (const flags of Object.keys(UNSUPPORTED)) options.hidden(flags);
}

/** Throws for the first option that cannot be had. */
export function refuseUnsupported(values: OptionValues): void {
  for (const [flags, reason] of Object.entries(UNSUPPORTED)) {
    const [shown = ''] = flags.split(' ');
    const name = shown.slice(2).replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
    const value = values.raw[name];
    if (value === undefined || value === false) continue;
    if (typeof value === 'string' && HARMLESS[name]?.includes(value)) continue;
    throw new UsageError(`${shown} is not supported: ${reason}`);
  }
}
