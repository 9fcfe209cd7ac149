import {
  AT_FDCWD,
  CLONE_FS,
  CLONE_NEWPID,
  O_DIRECTORY,
  O_PATH,
  O_WRONLY,
  PR_SET_PDEATHSIG,
  S_IFIFO,
  S_IFMT,
  SIGKILL,
  TIOCSCTTY,
} from '../linux/constants.ts';
import type { Syscalls } from '../linux/syscalls.ts';
import { becomeUser, confine } from './credentials.ts';
import { findExecutable, refuseOwnProgram } from './executable.ts';
import { attempt } from './failure.ts';
import { applySettings, openProc } from './kernel-settings.ts';
import type { NamespacePlan, Program, StartPlan } from './plan.ts';
import { RootTree } from './root-tree.ts';
import { enterRoot, openSources, sealRoot } from './rootfs.ts';
import { SandboxError } from './sandbox.ts';
import { openTerminal } from './terminal.ts';
import { behindInit } from './tiny-init.ts';
import { chdirError, enterWorkingDirectory, makeWorkingDirectory } from './working-directory.ts';

/** The parent's side, as the child uses it. */
export interface Parent {
  /** Has it ended, so that nobody would ever wait for the child? */
  isGone(): boolean;
  /** Takes the terminal's master. */
  takeTerminal(master: number): void;
}

export interface Entered {
  readonly program: Program;
  /** Mount points made in the root's own file system. */
  readonly stubs: readonly string[];
}

/**
 * Turns a new process into the container's, up to exec. It runs in that process, with the standard streams in place;
 * its order is what makes it safe, and is held by test. `stubs` gets those that are made, also when it fails.
 */
export function enter(plan: StartPlan, parent: Parent, sys: Syscalls, stubs: string[] = []): Entered {
  begin(plan, parent, sys);
  joinCgroups(openCgroups(plan.cgroupFiles, sys), sys);
  const there = become(plan, plan.namespaces.join, parent, sys, stubs);
  return { program: finish(plan, there, sys), stubs };
}

/**
 * The same for a child that is to be born into the PID namespace at the path `pid`, among others that see it from then
 * on: this process, which they do not see, enters all namespaces and gives up its rights before there is a child. Answers
 * what is left to the child, because each process can only do it for itself.
 */
export function enterForChild(plan: StartPlan, pid: string, parent: Parent, sys: Syscalls): () => Program {
  begin(plan, parent, sys);
  const groups = openCgroups(plan.cgroupFiles, sys);
  const join = [...plan.namespaces.join, { type: 'pid', flag: CLONE_NEWPID, path: pid }];
  // Who is outside of a PID namespace is not in its procfs, and has no /proc/self there.
  const { cwd } = plan.process;
  const isOwn = /^\/+proc\//.test(cwd);
  const there = become(
    isOwn ? { ...plan, process: { ...plan.process, cwd: '/' } } : plan,
    join,
    parent,
    sys,
    [],
  );
  // The child must not have the host's: through it, others would see all processes there are.
  sys.close(there.proc);
  return () => {
    dieWithParent(parent, plan.outlives, sys);
    sys.setsid();
    joinCgroups(groups, sys);
    if (isOwn && !enterWorkingDirectory(cwd, there.tree, sys))
      throw chdirError(cwd, 'permission denied', 'BAD_SPEC');
    return finish(plan, there, sys);
  };
}

function begin(plan: StartPlan, parent: Parent, sys: Syscalls): void {
  dieWithParent(parent, plan.outlives, sys);
  sys.resetSignals();
  sys.setsid();
  sys.umask(0);
}

/** From the host's namespaces, with the host's rights, to the container's. */
function become(
  plan: StartPlan,
  join: NamespacePlan['join'],
  parent: Parent,
  sys: Syscalls,
  stubs: string[],
): There {
  const proc = openProc(sys);
  const sources = plan.root === undefined ? undefined : openSources(plan.root, sys);
  enterNamespaces({ ...plan.namespaces, join }, sys);
  applySettings(plan, proc, sys);
  const tree =
    plan.root === undefined || sources === undefined
      ? new RootTree(sys, sys.open('/', O_PATH | O_DIRECTORY), stubs)
      : enterRoot(plan.root, sources, stubs, sys);
  wireStreams(plan, parent, tree, sys);
  const { process } = plan;
  if (plan.root !== undefined) {
    makeWorkingDirectory(process.cwd, tree);
    sealRoot(plan.root, tree, sys);
  }
  const there = enterWorkingDirectory(process.cwd, tree, sys);
  becomeUser(process, plan.outlives, sys);
  if (!there && !enterWorkingDirectory(process.cwd, tree, sys))
    throw chdirError(process.cwd, 'permission denied', 'BAD_SPEC');
  dieIfOrphaned(parent);
  return { proc, tree };
}

/** Once all of the container is entered: its root, and the host's procfs. */
interface There {
  readonly proc: number;
  readonly tree: RootTree;
}

/** The last steps, with the rights of the container's user. */
function finish({ process, init, terminal }: StartPlan, { proc, tree }: There, sys: Syscalls): Program {
  if (terminal !== undefined) sys.ioctl(0, TIOCSCTTY, 0);
  const path = findExecutable(process.args[0] ?? '', process.env, sys);
  refuseOwnProgram(path, tree, sys);
  const asked = { path, args: process.args };
  const program = init ? behindInit(asked, proc, sys) : asked;
  confine(process, sys);
  return program;
}

function dieWithParent(parent: Parent, outlives: boolean, sys: Syscalls): void {
  if (!outlives) sys.prctl(PR_SET_PDEATHSIG, SIGKILL);
  dieIfOrphaned(parent);
}

/** The signal is sent when the parent ends; had it ended before it was asked for, it never comes. */
function dieIfOrphaned(parent: Parent): void {
  if (parent.isGone())
    throw new SandboxError('SYSTEM', 'parent', 'Cannot start a container: its parent has ended');
}

function openCgroups(files: readonly string[], sys: Syscalls): readonly CgroupEntrance[] {
  return files.map((file) => ({
    file,
    fd: attempt(file, `join control group "${file}"`, () => sys.openat(AT_FDCWD, file, O_WRONLY)),
  }));
}

interface CgroupEntrance {
  readonly file: string;
  readonly fd: number;
}

function joinCgroups(groups: readonly CgroupEntrance[], sys: Syscalls): void {
  for (const { file, fd } of groups) {
    // Zero is the writer itself, which spares the kernel the lock over all processes.
    attempt(file, `join control group "${file}"`, () => sys.write(fd, Buffer.from('0')));
    sys.close(fd);
  }
}

/** All are opened before any is entered: a mount namespace changes what their paths mean. */
function enterNamespaces({ join, unshare }: NamespacePlan, sys: Syscalls): void {
  const opened = join.map(({ type, flag, path }) => ({
    type,
    flag,
    fd: attempt(path, `open ${type} namespace "${path}"`, () => sys.open(path, 0)),
  }));
  // A thread that shares its root and working directory with others can join no mount namespace.
  if (opened.length > 0) sys.unshare(CLONE_FS);
  for (const { type, flag, fd } of opened) {
    attempt(type, `join ${type} namespace`, () => sys.setns(fd, flag));
    sys.close(fd);
  }
  if (unshare !== 0) attempt('namespaces', 'make namespaces', () => sys.unshare(unshare));
}

/** A process that reopens its standard streams by name must be allowed to, though they are pipes of another user. */
function wireStreams(plan: StartPlan, parent: Parent, tree: RootTree, sys: Syscalls): void {
  const { terminal, process } = plan;
  if (terminal !== undefined)
    attempt('terminal', 'open a terminal', () =>
      openTerminal(
        { ...terminal, isConsole: plan.root !== undefined },
        process.uid,
        tree,
        (master) => parent.takeTerminal(master),
        sys,
      ),
    );
  else if (plan.ownPipes && process.uid !== 0)
    for (const stream of [0, 1, 2])
      if ((sys.statAt(stream, '').mode & S_IFMT) === S_IFIFO) sys.fchown(stream, process.uid, process.gid);
}
