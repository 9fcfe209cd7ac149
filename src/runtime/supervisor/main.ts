import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import { openStore } from '../../../layers/index.ts';
import { ContainerStore } from '../container-store.ts';
import { failureReport, OWNER_FD, REPORT_FD, send } from './messages.ts';
import { supervise } from './supervise.ts';

/**
 * The process that looks after one detached container. Arguments: the store, the container's id, and `await` to start
 * only when somebody is attached. Descriptor 3 takes its reports, descriptor 4 is the container's locked file.
 */
async function main([root = '', id = '', mode]: readonly string[]): Promise<void> {
  const starter = mode === 'await' ? watchStarter() : undefined;
  const store = openStore(root);
  try {
    const containers = new ContainerStore(store);
    const owned = containers.adopt({ id, name: containers.get(id)?.name ?? '' }, OWNER_FD);
    await supervise(store, owned, {
      ...(starter && { awaitAttached: starter.gone }),
      listening: () => send({ kind: 'listening' }),
      started: (error) => {
        send(error === undefined ? { kind: 'started' } : failureReport(error));
        if (starter) starter.close();
        else closeSync(REPORT_FD);
      },
    });
  } finally {
    store.close();
  }
}

interface Starter {
  /** Rejects when the process that has started this one ends. */
  readonly gone: Promise<never>;
  /** Nothing more is told to it. */
  close(): void;
}

function watchStarter(): Starter {
  const socket = new Socket({ fd: REPORT_FD });
  const gone = new Promise<never>((_, reject) => {
    socket.on('close', () => reject(new Error('Nobody has attached to the container')));
  });
  gone.catch(() => {}); // told to whoever waits
  socket.on('error', () => {}); // 'close' follows
  socket.resume();
  return { gone, close: () => socket.destroy() };
}

main(process.argv.slice(2))
  .catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    process.exitCode = 1;
  })
  // Whoever is attached, or was just starting it, does not keep a supervisor that has nothing to look after.
  .finally(() => process.exit());
