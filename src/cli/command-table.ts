import type { CommandModule } from './tsctr.ts';

/** One command: what it does, and its module, which is loaded only when it runs. */
export interface Entry {
  readonly about: string;
  readonly load: () => Promise<CommandModule>;
}

const containers = () => import('./commands/containers.ts');
const control = () => import('./commands/container-control.ts');
const life = () => import('./commands/container-life.ts');
const names = () => import('./commands/image-names.ts');
const archives = () => import('./commands/archives.ts');
const inspections = () => import('./commands/inspect.ts');
const registries = () => import('./commands/registries.ts');
const manifests = () => import('./commands/manifest.ts');
const imagetools = () => import('./commands/imagetools.ts');
const logins = () => import('./commands/login.ts');
const system = () => import('./commands/system.ts');
const prunes = () => import('./commands/prune.ts');
const disk = () => import('./commands/disk.ts');
const containerFiles = () => import('./commands/container-files.ts');
const networks = () => import('./commands/networks.ts');
const volumes = () => import('./commands/volumes.ts');

/** Every command that stands by itself, in the order of the overview. */
export const COMMANDS: Readonly<Record<string, Entry>> = {
  build: {
    about: 'Build an image from a Dockerfile',
    load: async () => (await import('./commands/build.ts')).build,
  },
  run: {
    about: 'Run a command in a new container',
    load: async () => (await import('./commands/run.ts')).run,
  },
  exec: {
    about: 'Run a command in a running container',
    load: async () => (await import('./commands/exec.ts')).exec,
  },
  ps: { about: 'List containers', load: async () => (await containers()).list },
  port: {
    about: 'List the published ports of a container',
    load: async () => (await import('./commands/port.ts')).port,
  },
  create: { about: 'Create a container', load: async () => (await life()).create },
  start: { about: 'Start containers', load: async () => (await life()).start },
  stop: { about: 'Stop running containers', load: async () => (await life()).stop },
  restart: { about: 'Stop containers and start them again', load: async () => (await life()).restart },
  kill: { about: 'Send a signal to running containers', load: async () => (await life()).kill },
  wait: {
    about: 'Wait until containers have ended, and show their exit codes',
    load: async () => (await life()).wait,
  },
  logs: {
    about: 'Show what a container has put out',
    load: async () => (await import('./commands/logs.ts')).logs,
  },
  pause: {
    about: 'Stop all processes of containers where they are',
    load: async () => (await control()).pause,
  },
  unpause: { about: 'Let paused containers go on', load: async () => (await control()).unpause },
  rename: { about: 'Give a container another name', load: async () => (await control()).rename },
  update: {
    about: 'Change limits and restart policy of containers',
    load: async () => (await control()).update,
  },
  top: { about: 'Show the processes of a container', load: async () => (await control()).top },
  stats: {
    about: 'Show what containers use',
    load: async () => (await import('./commands/stats.ts')).stats,
  },
  events: {
    about: 'Show what happens to containers',
    load: async () => (await import('./commands/events.ts')).events,
  },
  attach: {
    about: 'Show and use the streams of a running container',
    load: async () => (await import('./commands/attach.ts')).attach,
  },
  rm: { about: 'Remove containers', load: async () => (await life()).remove },
  cp: {
    about: 'Copy files between a container and the host',
    load: async () => (await import('./commands/copy.ts')).copy,
  },
  diff: {
    about: 'Show what a container has changed in the files of its image',
    load: async () => (await containerFiles()).diff,
  },
  export: {
    about: 'Write the files of a container as a tar',
    load: async () => (await containerFiles()).exportFiles,
  },
  commit: {
    about: 'Make an image of what a container has changed',
    load: async () => (await containerFiles()).commit,
  },
  images: { about: 'List images', load: async () => (await import('./commands/images.ts')).list },
  inspect: {
    about: 'Show containers, images or volumes as JSON',
    load: async () => (await inspections()).inspect,
  },
  history: {
    about: 'Show the history of an image',
    load: async () => (await import('./commands/history.ts')).history,
  },
  spec: {
    about: 'Show the runtime spec (config.json) of a container of an image',
    load: async () => (await import('./commands/spec.ts')).spec,
  },
  tag: { about: 'Give an image a further name', load: async () => (await names()).tag },
  rmi: { about: 'Remove images', load: async () => (await names()).remove },
  pull: { about: 'Download an image from a registry', load: async () => (await registries()).pull },
  push: { about: 'Upload an image to a registry', load: async () => (await registries()).push },
  login: { about: 'Log in to a registry', load: async () => (await logins()).login },
  logout: { about: 'Log out from a registry', load: async () => (await logins()).logout },
  load: {
    about: 'Load images from an archive of docker save, or an OCI layout',
    load: async () => (await archives()).load,
  },
  save: {
    about: 'Save images to an archive that docker load, podman load and skopeo read',
    load: async () => (await archives()).save,
  },
  import: {
    about: 'Make an image of a tar of a root filesystem',
    load: async () => (await archives()).importRoot,
  },
  prune: { about: 'Remove what is not needed any more', load: async () => (await prunes()).prune },
  check: {
    about: 'Verify every blob, layer and name in the store',
    load: async () => (await system()).check,
  },
  doctor: {
    about: 'Tell what this system allows, and what it lacks',
    load: async () => (await import('./commands/doctor.ts')).doctor,
  },
  info: { about: 'Show what is in the store, and what it is on', load: async () => (await system()).info },
  version: { about: 'Show the version', load: async () => (await system()).version },
};

export interface Group {
  readonly about: string;
  readonly commands: Readonly<Record<string, Entry>>;
  /** Further names of commands. */
  readonly aliases?: Readonly<Record<string, string>>;
}

const command = (name: string): Entry => COMMANDS[name]!;

/** Docker's management commands: `image ls` is `images`. */
export const GROUPS: Readonly<Record<string, Group>> = {
  builder: {
    about: 'Manage builds',
    commands: {
      build: command('build'),
      du: { about: 'Show what the build cache takes', load: async () => (await disk()).cacheUsage },
      prune: { about: 'Remove the build cache', load: async () => (await prunes()).pruneBuilder },
    },
  },
  buildx: {
    about: 'Manage builds, as the plugin of that name',
    commands: {
      build: command('build'),
      du: { about: 'Show what the build cache takes', load: async () => (await disk()).cacheUsage },
      prune: { about: 'Remove the build cache', load: async () => (await prunes()).pruneBuilder },
      version: { about: 'Show the version', load: async () => (await system()).shortVersion },
    },
    aliases: { b: 'build' },
  },
  container: {
    about: 'Manage containers',
    commands: {
      attach: command('attach'),
      commit: command('commit'),
      cp: command('cp'),
      create: command('create'),
      diff: command('diff'),
      exec: command('exec'),
      export: command('export'),
      inspect: {
        about: 'Show containers as JSON',
        load: async () => (await inspections()).inspectContainer,
      },
      kill: command('kill'),
      logs: command('logs'),
      ls: command('ps'),
      prune: { about: 'Remove stopped containers', load: async () => (await prunes()).pruneContainers },
      pause: command('pause'),
      port: command('port'),
      rename: command('rename'),
      restart: command('restart'),
      rm: command('rm'),
      run: command('run'),
      start: command('start'),
      stats: command('stats'),
      stop: command('stop'),
      top: command('top'),
      unpause: command('unpause'),
      update: command('update'),
      wait: command('wait'),
    },
    aliases: { list: 'ls', ps: 'ls', remove: 'rm' },
  },
  image: {
    about: 'Manage images',
    commands: {
      build: command('build'),
      history: command('history'),
      import: command('import'),
      inspect: { about: 'Show images as JSON', load: async () => (await inspections()).inspectImage },
      load: command('load'),
      ls: command('images'),
      prune: { about: 'Remove unused images', load: async () => (await prunes()).pruneImages },
      pull: command('pull'),
      push: command('push'),
      rm: command('rmi'),
      save: command('save'),
      tag: command('tag'),
    },
    aliases: { list: 'ls', remove: 'rm' },
  },
  imagetools: {
    about: 'Look at and make images in registries, as buildx imagetools',
    commands: {
      create: {
        about: 'Make an image for several platforms of images in registries',
        load: async () => (await imagetools()).create,
      },
      inspect: { about: 'Show an image in a registry', load: async () => (await imagetools()).inspect },
    },
  },
  manifest: {
    about: 'Manage lists of images for several platforms, in registries',
    commands: {
      annotate: {
        about: 'Say for which platform an image is',
        load: async () => (await manifests()).annotate,
      },
      create: {
        about: 'Make a list, kept here until it is pushed',
        load: async () => (await manifests()).create,
      },
      inspect: { about: 'Show a list or a manifest', load: async () => (await manifests()).inspect },
      push: { about: 'Push a list', load: async () => (await manifests()).push },
      rm: { about: 'Forget lists', load: async () => (await manifests()).remove },
    },
  },
  network: {
    about: 'Manage networks',
    commands: {
      connect: {
        about: 'Put a container on a network',
        load: async () => (await networks()).connect,
      },
      create: { about: 'Create a network', load: async () => (await networks()).create },
      disconnect: {
        about: 'Take a container off a network',
        load: async () => (await networks()).disconnect,
      },
      inspect: { about: 'Show networks as JSON', load: async () => (await inspections()).inspectNetworks },
      ls: { about: 'List networks', load: async () => (await networks()).list },
      prune: {
        about: 'Remove networks that no container is on',
        load: async () => (await networks()).prune,
      },
      rm: { about: 'Remove networks', load: async () => (await networks()).remove },
    },
    aliases: { list: 'ls', remove: 'rm' },
  },
  system: {
    about: 'Manage the store',
    commands: {
      check: command('check'),
      df: { about: 'Show what the store takes on disk', load: async () => (await disk()).diskFree },
      events: command('events'),
      doctor: command('doctor'),
      info: command('info'),
      prune: command('prune'),
    },
  },
  volume: {
    about: 'Manage volumes',
    commands: {
      create: { about: 'Create a volume', load: async () => (await volumes()).create },
      inspect: { about: 'Show volumes as JSON', load: async () => (await inspections()).inspectVolumes },
      ls: { about: 'List volumes', load: async () => (await volumes()).list },
      prune: {
        about: 'Remove volumes that no container uses',
        load: async () => (await prunes()).pruneVolumes,
      },
      rm: { about: 'Remove volumes', load: async () => (await volumes()).remove },
    },
    aliases: { list: 'ls', remove: 'rm' },
  },
};
