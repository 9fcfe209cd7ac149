import { type Command, Option } from 'commander';
import { listOption } from '../option-values.ts';
import { declareNetworkOptions } from './network-options.ts';
import { declareUnsupported } from './unsupported.ts';

/** The options of `docker run`, declared on a command. */
export function declareRunOptions(command: Command): Command {
  const groups = [basics, health, environment, files, declareNetworkOptions, limits, rights];
  for (const declare of groups) declare(command);
  declareCompatible(command);
  declareUnsupported(command);
  return command;
}

function basics(command: Command): void {
  command
    .optionsGroup('Container:')
    .option('--rm', 'remove the container and its anonymous volumes when it exits')
    .option('-i, --interactive', 'keep standard input open')
    .option('-t, --tty', 'allocate a pseudo-terminal')
    .option('-d, --detach', 'run in the background, and print the id')
    .option('--detach-keys <keys>', 'keys that leave an attached container alone (ctrl-p,ctrl-q)')
    .option('--name <name>', 'name of the container')
    .option('--entrypoint <command>', "replace the image's ENTRYPOINT")
    .option('--init', 'run an init that forwards signals and reaps processes')
    .option('--restart <policy>', 'no (default), on-failure[:times], always or unless-stopped')
    .option('--stop-signal <signal>', 'signal that asks the container to end')
    .option('--stop-timeout <seconds>', 'how long to wait for that until it is killed (default 10)')
    .option('--log-driver <name>', 'json-file (default), local or none')
    .option('--sig-proxy', 'pass signals on to the container (default true)')
    .addOption(new Option('--no-sig-proxy').hideHelp())
    .option('--cidfile <file>', 'write the id of the container to a file')
    .addOption(
      new Option('--pull <policy>', 'pull the image before running')
        .choices(['always', 'missing', 'never'])
        .default('missing'),
    )
    .option('--platform <platform>', 'platform of the image, os/arch[/variant]')
    .option('-q, --quiet', 'do not show the progress of a pull');
  listOption(command, '--log-opt <name=value>', 'max-size=10m, max-file=3');
  listOption(command, '-l, --label <key=value>', 'set metadata on the container');
  listOption(command, '--label-file <file>', 'read labels from a file');
  listOption(command, '-a, --attach <stream>', 'only these streams: stdin, stdout, stderr');
}

function health(command: Command): void {
  command
    .optionsGroup('Health:')
    .option('--health-cmd <command>', 'shell command that succeeds when the container is well')
    .option('--health-interval <duration>', 'time between two checks (default 30s)')
    .option('--health-timeout <duration>', 'time for one check (default 30s)')
    .option('--health-retries <number>', 'failures in a row until it is unhealthy (default 3)')
    .option('--health-start-period <duration>', 'time at the start in which failures do not count')
    .option('--health-start-interval <duration>', 'time between checks in that time (default 5s)')
    .option('--no-healthcheck', "leave out the image's HEALTHCHECK");
}

function environment(command: Command): void {
  command.optionsGroup('Environment:');
  listOption(command, '-e, --env <NAME=value>', 'set a variable; a bare NAME takes your own value');
  listOption(command, '--env-file <file>', 'read variables from a file');
  command
    .option('-w, --workdir <dir>', 'working directory, made when it is missing')
    .option('-u, --user <user>', 'name or id, with optional :group');
  listOption(command, '--group-add <group>', 'additional group');
}

function files(command: Command): void {
  command.optionsGroup('Files:');
  listOption(command, '-v, --volume <[source:]target[:ro]>', 'bind mount (a path) or volume (a name)');
  listOption(command, '--mount <options>', 'type=bind|volume|tmpfs,source=…,target=…[,readonly]');
  listOption(command, '--volumes-from <container[:ro]>', 'the volumes and binds of another container');
  listOption(command, '--tmpfs <target[:options]>', 'mount a tmpfs');
  command
    .option('--read-only', "mount the container's root read-only")
    .option('--shm-size <bytes>', 'size of /dev/shm (default 64m)');
}

function limits(command: Command): void {
  command
    .optionsGroup('Limits:')
    .option('-m, --memory <bytes>', 'memory; the container is killed when it needs more')
    .option('--memory-swap <bytes>', 'memory and swap together, -1 for unlimited swap')
    .option('--memory-reservation <bytes>', 'soft memory limit')
    .option('--memory-swappiness <percent>', 'how readily memory is swapped out, 0 to 100')
    .option('--oom-kill-disable', 'stop processes that need more memory instead of killing them')
    .option('--oom-score-adj <number>', "tune the host's OOM preference, -1000 to 1000")
    .option('--cpus <number>', 'number of CPUs')
    .option('-c, --cpu-shares <weight>', 'relative CPU weight')
    .option('--cpu-period <us>', 'CFS period in microseconds')
    .option('--cpu-quota <us>', 'CFS quota in microseconds')
    .option('--cpuset-cpus <list>', 'CPUs to run on (0-3, 0,1)')
    .option('--cpuset-mems <list>', 'memory nodes to use')
    .option('--pids-limit <number>', 'number of processes, -1 for unlimited')
    .option('--blkio-weight <weight>', 'relative block IO weight, 10 to 1000')
    .option('--cgroup-parent <path>', "parent of the container's cgroup");
  listOption(command, '--blkio-weight-device <path:weight>', 'relative weight of a device');
  listOption(command, '--device-read-bps <path:bytes>', 'bytes a second to read from a device');
  listOption(command, '--device-write-bps <path:bytes>', 'bytes a second to write to a device');
  listOption(command, '--device-read-iops <path:number>', 'reads a second from a device');
  listOption(command, '--device-write-iops <path:number>', 'writes a second to a device');
  listOption(command, '--ulimit <name=soft[:hard]>', 'resource limit');
}

function rights(command: Command): void {
  command.optionsGroup('Rights:');
  listOption(command, '--cap-add <name>', 'add a capability');
  listOption(command, '--cap-drop <name>', 'drop a capability');
  listOption(
    command,
    '--security-opt <option>',
    'no-new-privileges, seccomp=unconfined|FILE, systempaths=unconfined, mask=PATH, unmask=PATH',
  );
  listOption(command, '--device <path[:path][:rwm]>', 'a device of the host');
  listOption(command, '--device-cgroup-rule <rule>', 'devices it may use nodes of, such as "c 10:229 rwm"');
  listOption(command, '--annotation <key=value>', 'set an annotation of the runtime spec');
  listOption(command, '--sysctl <name=value>', 'kernel parameter of the container');
  command
    .option('--privileged', 'give all capabilities and devices')
    .option('--pid <mode>', 'see the processes of the host, or of container:NAME')
    .option('--ipc <mode>', 'share IPC and /dev/shm of the host or container:NAME; private, shareable, none')
    .option('--uts <mode>', "host: share the host's name")
    .option('--cgroupns <mode>', 'private (default), or host')
    .option('--runtime <name>', 'another OCI runtime: runc, crun, or its path');
}

/** What `docker run` takes and what changes nothing here: metadata for a daemon, or the only way there is. */
function declareCompatible(command: Command): void {
  const flags = ['--disable-content-trust', '--isolation <technology>', '--kernel-memory <bytes>'];
  for (const each of flags) command.addOption(new Option(each).hideHelp());
}
