import type { SourceRange } from './source.ts';

/**
 * A Dockerfile after parsing, before expansion: every instruction of the reference as a closed union. Texts are as
 * written (variables in place) but with continuations, comments and flag quotes taken care of.
 */
export type Instruction =
  | FromInstruction
  | ArgInstruction
  | EnvInstruction
  | LabelInstruction
  | RunInstruction
  | CopyInstruction
  | AddInstruction
  | WorkdirInstruction
  | UserInstruction
  | VolumeInstruction
  | ExposeInstruction
  | CmdInstruction
  | EntrypointInstruction
  | ShellInstruction
  | StopsignalInstruction
  | HealthcheckInstruction
  | MaintainerInstruction
  | OnbuildInstruction;

export type Keyword = Instruction['keyword'];

interface Base {
  /** Where it stands, heredoc bodies included. */
  readonly range: SourceRange;
  /** The keyword as written, for casing checks. */
  readonly written: string;
  /** The logical line after joining continuations, keyword included, heredoc bodies not. */
  readonly original: string;
  /** Comment lines directly above, without `#`. */
  readonly comments: readonly string[];
  readonly heredocs: readonly Heredoc[];
}

export interface Heredoc {
  /** Delimiter without quotes: the name of the file that COPY makes. */
  readonly name: string;
  /** Body with its final newline; for `<<-` still with its tabs. */
  readonly content: string;
  readonly chomp: boolean;
  /** False when any part of the delimiter was quoted. */
  readonly expand: boolean;
  /** File descriptor before `<<`; 0 unless written. */
  readonly fd: number;
  readonly range: SourceRange;
}

/** `name=value` as written; `value` undefined when there is no `=` (ARG). */
export interface KeyValue {
  readonly key: string;
  readonly value?: string;
  /** ENV and LABEL in the legacy `key rest` form. */
  readonly legacy: boolean;
}

/** Shell form, or exec form from a JSON array. */
export type CommandLine =
  | { readonly form: 'shell'; readonly text: string }
  | { readonly form: 'exec'; readonly args: readonly string[] };

export interface FromInstruction extends Base {
  readonly keyword: 'FROM';
  readonly image: string;
  readonly platform?: string;
  /** Lower-case. */
  readonly name?: string;
  /** The stage name and the AS keyword as written, for casing checks. */
  readonly writtenName?: string;
  readonly writtenAs?: string;
}

export interface ArgInstruction extends Base {
  readonly keyword: 'ARG';
  readonly args: readonly KeyValue[];
}

export interface EnvInstruction extends Base {
  readonly keyword: 'ENV';
  readonly pairs: readonly KeyValue[];
}

export interface LabelInstruction extends Base {
  readonly keyword: 'LABEL';
  readonly pairs: readonly KeyValue[];
}

export interface RunInstruction extends Base {
  readonly keyword: 'RUN';
  readonly command: CommandLine;
  /** Raw option text of each --mount, unexpanded. */
  readonly mounts: readonly string[];
  readonly network?: string;
  readonly security?: string;
  readonly devices: readonly string[];
}

interface Transfer extends Base {
  readonly sources: readonly TransferSource[];
  readonly destination: string;
  /** `--chown`, `--chmod` as written. */
  readonly chown?: string;
  readonly chmod?: string;
  readonly link: boolean;
  readonly exclude: readonly string[];
}

/** A path, pattern or URL; or a heredoc by its index in `heredocs`. */
export type TransferSource =
  | { readonly kind: 'path'; readonly text: string }
  | { readonly kind: 'heredoc'; readonly index: number };

export interface CopyInstruction extends Transfer {
  readonly keyword: 'COPY';
  readonly from?: string;
  readonly parents: boolean;
}

export interface AddInstruction extends Transfer {
  readonly keyword: 'ADD';
  readonly checksum?: string;
  readonly keepGitDir?: boolean;
  readonly unpack?: boolean;
}

export interface WorkdirInstruction extends Base {
  readonly keyword: 'WORKDIR';
  readonly path: string;
}

export interface UserInstruction extends Base {
  readonly keyword: 'USER';
  readonly user: string;
}

export interface VolumeInstruction extends Base {
  readonly keyword: 'VOLUME';
  readonly paths: readonly string[];
}

export interface ExposeInstruction extends Base {
  readonly keyword: 'EXPOSE';
  /** Sorted as written. */
  readonly ports: readonly string[];
}

export interface CmdInstruction extends Base {
  readonly keyword: 'CMD';
  readonly command: CommandLine;
}

export interface EntrypointInstruction extends Base {
  readonly keyword: 'ENTRYPOINT';
  readonly command: CommandLine;
}

export interface ShellInstruction extends Base {
  readonly keyword: 'SHELL';
  readonly shell: readonly string[];
}

export interface StopsignalInstruction extends Base {
  readonly keyword: 'STOPSIGNAL';
  readonly signal: string;
}

export interface HealthcheckInstruction extends Base {
  readonly keyword: 'HEALTHCHECK';
  /** Undefined: NONE. Durations in nanoseconds. */
  readonly check?: {
    readonly command: CommandLine;
    readonly interval: number;
    readonly timeout: number;
    readonly startPeriod: number;
    readonly startInterval: number;
    readonly retries: number;
  };
}

export interface MaintainerInstruction extends Base {
  readonly keyword: 'MAINTAINER';
  readonly name: string;
}

export interface OnbuildInstruction extends Base {
  readonly keyword: 'ONBUILD';
  /** Text of the trigger with heredoc bodies, as the image config stores it. */
  readonly trigger: string;
}
