import { Command } from 'commander';
import type { Platform } from '../../../layers/index.ts';
import { normaliseArguments } from '../../../src/cli/arguments.ts';
import { buildNotices } from '../../../src/cli/build-notices.ts';
import { type BuildOptionValues, buildRequest, declareBuildOptions } from '../../../src/cli/build-options.ts';
import { parseCall } from '../../../src/cli/call/call-option.ts';
import { declareRun } from '../../../src/cli/run/command.ts';
import { runRequest } from '../../../src/cli/run/request.ts';
import { renderError } from '../../../src/dockerfile/excerpt.ts';
import { checkStages } from '../../../src/dockerfile/lower/check.ts';
import { lowerDockerfile } from '../../../src/dockerfile/lower/index.ts';
import { outlineTarget } from '../../../src/dockerfile/lower/outline.ts';
import { DockerfileError } from '../../../src/dockerfile/source.ts';
import { PatternError } from '../../../src/llb/glob.ts';
import { compileExclude, compileIgnore, ignoreFilePatterns } from '../../../src/llb/ignore-patterns.ts';
import { lowerRequest } from '../lower-fixture.ts';
import type { SeededRandom } from '../seeded-random.ts';
import { commandLine } from './command-line.ts';
import { dockerfileText } from './dockerfile-text.ts';
import { ignoreText, somePath } from './ignore-text.ts';

/** An input, and a way to feed it to the code that reads such inputs. */
export interface Attempt {
  readonly size: number;
  /** For whoever has to look into it. */
  readonly text: string;
  /** What each reader made of it: `value`, or the kind of the error. Throws for what is no answer to a user. */
  run(): Promise<readonly string[]> | readonly string[];
}

/** Six in ten a Dockerfile, one a .dockerignore file, three a command line. */
export function someAttempt(random: SeededRandom): Attempt {
  const kind = random.below(10);
  if (kind < 6) return dockerfileAttempt(dockerfileText(random), random);
  return kind < 7 ? ignoreAttempt(ignoreText(random), random) : commandAttempt(random);
}

/** Parsed, checked, lowered and outlined, on images with triggers of their own. */
export function dockerfileAttempt(text: string, random: SeededRandom): Attempt {
  const images = {
    parent: { config: { OnBuild: ['RUN x', 'COPY --from=base a b'], Env: ['A=b', 'broken'] } },
    ...(random.chance(50) && { base: {}, next: {} }),
  };
  const buildArgs = random.chance(30) ? { a: '$b', A: '"', tag: 'x y', name: 'base' } : {};
  const known = lowerRequest(text, { images, buildArgs, ...(random.chance(20) && { target: 'base' }) });
  // Mostly there is an image of any name, so that what comes after FROM is reached.
  const request = random.chance(30)
    ? known
    : {
        ...known,
        resolveImage: (ref: string, platform: Platform) =>
          known.resolveImage(ref in images ? ref : 'busybox', platform),
      };
  return {
    size: text.length,
    text,
    async run() {
      const { error } = await checkStages(request);
      if (error !== undefined) await verifyMistake(error, text);
      const builds = [() => lowerDockerfile(request), () => outlineTarget(request)];
      const outcomes = [`Dockerfile check: ${error?.code ?? 'value'}`];
      for (const build of builds) outcomes.push(`Dockerfile: ${await outcomeOf(build)}`);
      return outcomes.slice(0, 2);
    },
  };
}

async function outcomeOf(build: () => Promise<unknown>): Promise<string> {
  try {
    await build();
    return 'value';
  } catch (error) {
    if (error instanceof DockerfileError) return error.code;
    throw error;
  }
}

/** Says something, and where, wherever there is a place. */
async function verifyMistake(error: DockerfileError, text: string): Promise<void> {
  const shown = await renderError(error);
  const lines = text.split('\n').length;
  const wrong = [
    error.message.trim() === '' && 'no message',
    /[\x00-\x08\x0b-\x1f\x7f\u202e]/.test(shown) && 'control characters in what is shown',
    error.ranges.length === 0 && !['EMPTY', 'LINT', 'UNKNOWN_STAGE'].includes(error.code) && 'no line',
    error.ranges.some(({ start, end }) => !(start >= 1 && start <= end && end <= lines)) &&
      'a line that is not there',
  ].filter(Boolean);
  if (wrong.length > 0)
    throw new Error(`${wrong.join(', ')}: ${error.code} ${JSON.stringify(error.ranges)} ${error.message}`);
}

export function ignoreAttempt(text: string, random: SeededRandom): Attempt {
  const paths = Array.from({ length: 8 }, () => somePath(random));
  const compilers = { '.dockerignore': compileIgnore, '--exclude': compileExclude };
  return {
    size: text.length,
    text,
    run: () =>
      Object.entries(compilers).map(([what, compile]) => {
        try {
          const matcher = compile(ignoreFilePatterns(text));
          for (const path of paths)
            if (matcher.prunable(path) && !matcher.ignored(`${path}/x`))
              throw new Error(`${path} is not prunable`);
          return `${what}: value`;
        } catch (error) {
          if (error instanceof PatternError) return `${what}: PatternError`;
          if ((error as Error).message.startsWith('illegal exclusion pattern')) return `${what}: lone !`;
          throw error;
        }
      }),
  };
}

const programs = {
  tsbuild: {
    declare: () => declareBuildOptions(new Command('tsbuild')).argument('<context>'),
    read(command: Command) {
      const values: BuildOptionValues = command.opts();
      buildNotices(values);
      parseCall(values.check === true ? 'check' : ((values.print ?? values.call) as string));
      return buildRequest(values, command.args[0]!);
    },
  },
  tsrun: {
    declare: () => declareRun(new Command('tsrun')).enablePositionalOptions(),
    read: (command: Command) => runRequest(command.opts(), command.args[0]!, command.args.slice(1)),
  },
};

/** Errors that a command shows as one line and ends with. */
const TOLD: ReadonlySet<string> = new Set([
  'UsageError',
  'OptionError',
  'CommanderError',
  'ApiError',
  'StoreError',
  'RuntimeError',
]);

export function commandAttempt(random: SeededRandom): Attempt {
  const [name, program] = random.pick(Object.entries(programs));
  const command = program
    .declare()
    .exitOverride()
    .configureOutput({ writeOut: () => {}, writeErr: () => {} });
  const args = commandLine(program.declare(), random);
  return {
    size: args.join(' ').length,
    text: JSON.stringify(args),
    run() {
      try {
        command.parse(normaliseArguments(args, command, { passThrough: name === 'tsrun' }), { from: 'user' });
        program.read(command);
        return [`${name}: value`];
      } catch (error) {
        if (!(error instanceof Error) || !TOLD.has(error.name)) throw error;
        if (error.message.trim() === '') throw new Error(`${error.name} says nothing`, { cause: error });
        return [`${name}: ${error.name}`];
      }
    },
  };
}
