import { type Command, Option } from 'commander';
import { DeferredOptions } from '../deferred-options.ts';
import { declareNetworkOptions } from './network-options.ts';
import { declareUnsupported } from './unsupported.ts';

/** The options of `docker run`, for a command whose arguments are normalised: that declares those that are given. */
export function declareRunOptions(command: Command): Command {
  const options = new DeferredOptions(command);
  const groups = [basics, health, environment, files, declareNetworkOptions, limits, rights];
  for (const declare of groups) declare(options);
  declareCompatible(options);
  declareUnsupported(options);
  return command;
}

function basics(options: DeferredOptions): void {
  options
    .group('Container:')
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
    .hidden('--no-sig-proxy')
    .option('--cidfile <file>', 'write the id of the container to a file')
    .add('--pull <policy>', () =>
      new Option('--pull <policy>', 'pull the image before running')
        .choices(['always', 'missing', 'never'])
        .default('missing'),
    )
    .option('--platform <platform>', 'platform of the image, os/arch[/variant]')
    .option('-q, --quiet', 'do not show the progress of a pull');
  options.list('--log-opt <name=value>', 'max-size=10m, max-file=3');
  options.list('-l, --label <key=value>', 'set metadata on the container');
  options.list('--label-file <file>', 'read labels from a file');
  options.list('-a, --attach <stream>', 'only these streams: stdin, stdout, stderr');
}

function health(options: DeferredOptions): void {
  options
    .group('Health:')
    .option('--health-cmd <command>', 'shell command that succeeds when the container is well')
    .option('--health-interval <duration>', 'time between two checks (default 30s)')
    .option('--health-timeout <duration>', 'time for one check (default 30s)')
    .option('--health-retries <number>', 'failures in a row until it is unhealthy (default 3)')
    .option('--health-start-period <duration>', 'time at the start in which failures do not count')
    .option('--health-start-interval <duration>', 'time between checks in that time (default 5s)')
    .option('--no-healthcheck', "leave out the image's HEALTHCHECK");
}

function environment(options: DeferredOptions): void {
  options.group('Environment:');
  options.list('-e, --env <NAME=value>', 'set a variable; a bare NAME takes your own value');
  options.list('--env-file <file>', 'read variables from a file');
  options
    .option('-w, --workdir <dir>', 'working directory, made when it is missing')
    .option('-u, --user <user>', 'name or id, with optional :group');
  options.list('--group-add <group>', 'additional group');
}

function files(options: DeferredOptions): void {
  options.group('Files:');
  options.list('-v, --volume <[source:]target[:ro]>', 'bind mount (a path) or volume (a name)');
  options.list('--mount <options>', 'type=bind|volume|tmpfs,source=…,target=…[,readonly]');
  options.list('--volumes-from <container[:ro]>', 'the volumes and binds of another container');
  options.list('--tmpfs <target[:options]>', 'mount a tmpfs');
  options
    .option('--read-only', "mount the container's root read-only")
    .option('--shm-size <bytes>', 'size of /dev/shm (default 64m)');
}

function limits(options: DeferredOptions): void {
  options
    .group('Limits:')
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
  options.list('--blkio-weight-device <path:weight>', 'relative weight of a device');
  options.list('--device-read-bps <path:bytes>', 'bytes a second to read from a device');
  options.list('--device-write-bps <path:bytes>', 'bytes a second to write to a device');
  options.list('--device-read-iops <path:number>', 'reads a second from a device');
  options.list('--device-write-iops <path:number>', 'writes a second to a device');
  options.list('--ulimit <name=soft[:hard]>', 'resource limit');
}

function rights(options: DeferredOptions): void {
  options.group('Rights:');
  options.list('--cap-add <name>', 'add a capability');
  options.list('--cap-drop <name>', 'drop a capability');
  options.list(
    '--security-opt <option>',
    'no-new-privileges, seccomp=unconfined|FILE, systempaths=unconfined, mask=PATH, unmask=PATH',
  );
  options.list('--device <path[:path][:rwm]>', 'a device of the host');
  options.list('--device-cgroup-rule <rule>', 'devices it may use nodes of, such as "c 10:229 rwm"');
  options.list('--annotation <key=value>', 'set an annotation of the runtime spec');
  options.list('--sysctl <name=value>', 'kernel parameter of the container');
  options
    .option('--privileged', 'give all capabilities and devices')
    .option('--pid <mode>', 'see the processes of the host, or of container:NAME')
    .option('--ipc <mode>', 'share IPC and /dev/shm of the host or container:NAME; private, shareable, none')
    .option('--uts <mode>', "host: share the host's name")
    .option('--cgroupns <mode>', 'private (default), or host')
    .option('--runtime <name>', 'another OCI runtime: runc, crun, or its path');
}

/** What `docker run` takes and what changes nothing here: metadata for a daemon, or the only way there is. */
function declareCompatible(options: DeferredOptions): void {
  const flags = ['--disable-content-trust', '--isolation <technology>', '--kernel-memory <bytes>'];
  for (const each of flags) options.hidden(each);
}
