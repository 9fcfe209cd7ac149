import type { ContainerConfig } from '../../layers/index.ts';
import type { ContainerState } from './container-state.ts';
import { changeEnvironment, imageEnvironment } from './environment.ts';

/** The config of an image made of a container: the config of its own image under what the container was run with. */
export function committedConfig({ config, options }: ContainerState): ContainerConfig {
  const env = changeEnvironment(imageEnvironment(config.Env ?? []), options.env ?? []);
  // Another entrypoint does away with the arguments that were meant for the image's.
  const command = options.command ?? (options.entrypoint === undefined ? config.Cmd : undefined);
  const entrypoint = options.entrypoint ?? config.Entrypoint;
  const { Cmd: _, Entrypoint: __, Env: ___, ...rest } = config;
  return {
    ...rest,
    ...(env.size > 0 && { Env: [...env].map(([name, value]) => `${name}=${value}`) }),
    ...(command !== undefined && { Cmd: command }),
    ...(entrypoint !== undefined && entrypoint.length > 0 && { Entrypoint: entrypoint }),
    ...(options.user !== undefined && { User: options.user }),
    ...(options.workdir !== undefined && { WorkingDir: options.workdir }),
    ...(options.labels && hasKeys(options.labels) && { Labels: { ...config.Labels, ...options.labels } }),
    ...(options.stopSignal !== undefined && { StopSignal: options.stopSignal }),
  };
}

const hasKeys = (map: object) => Object.keys(map).length > 0;
