import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { Script } from 'node:vm';
import { codeFile, NO_CODE, readCode, writeCode } from './compiled-code.ts';
import { Lesson } from './lesson.ts';

/**
 * The file behind each command: runs the command's bundle with V8's compiled code of earlier starts, which saves half of
 * the time until the first useful work (docs/decisions/0003-start-up.md). Compiled code is an optimisation only: where
 * it cannot be read, written or used, the bundle is compiled as usual.
 */

/** Name of the command, and the digest of its bundle; build.mjs fills them in. */
declare const BUNDLE: string;
declare const BUNDLE_DIGEST: string;

// build.mjs has the script take it away for Node's own start; whoever asks for it by name gets it.
const { TSBUILD_EXTRA_CA_CERTS: certificates } = process.env;
if (certificates !== undefined) {
  process.env.NODE_EXTRA_CA_CERTS = certificates;
  delete process.env.TSBUILD_EXTRA_CA_CERTS;
}

// As many as there are cores, for compression: before anything has started libuv's pool, which has four by itself.
const cores = availableParallelism();
if (cores > 4 && process.env.UV_THREADPOOL_SIZE === undefined) process.env.UV_THREADPOOL_SIZE = `${cores}`;

const bundle = `${__dirname}/commands/${BUNDLE}.js`;
const file = codeFile(BUNDLE + subcommand(), BUNDLE_DIGEST, process.env);
const { code, modules } = file === undefined ? NO_CODE : readCode(file);
// build.mjs has made it a function of what a module is given: put around it here, all of the text would be copied.
const script = new Script(readFileSync(bundle, 'latin1'), {
  filename: bundle,
  ...(code && { cachedData: code }),
});
const isKnown = code !== undefined && !script.cachedDataRejected;
const known = isKnown ? modules : NO_CODE.modules;
const lesson = file === undefined || isHelp() ? undefined : new Lesson(known);
/** Each module that runs adds its number (build-lazy.mjs). */
const ran = { add: (number: number) => lesson?.add(number) };
if (!isKnown) lesson?.begin();
script.runInThisContext()({}, require, module, __filename, __dirname, ran);
if (file !== undefined && lesson !== undefined) {
  process.once('exit', (status) => {
    if (status !== 0 || !lesson.isOn) return;
    lesson.end();
    writeCode(file, script.createCachedData(), lesson.modules);
  });
}

/** `tsctr` is many commands: each has its own code. */
function subcommand(): string {
  const [, , first = ''] = process.argv;
  return BUNDLE === 'tsctr' && /^[a-z]{1,12}$/.test(first) ? `-${first}` : '';
}

/** Whether little more is wanted than to be told about: other starts need none of that code, and much besides. */
function isHelp(): boolean {
  const words = BUNDLE === 'tsrun' ? /^--(help|version)$/ : /^(--help|-h|--version|-v)$/;
  return process.argv.some((word) => words.test(word));
}
