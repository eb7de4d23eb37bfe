import { parentPort, workerData } from 'node:worker_threads';
import { plant } from './plant.ts';
import { findBug } from './planted-bugs.ts';
import type { Played } from './play-seed.ts';

/** What a worker is told when it is made. */
export interface PlayWorkerData {
  /** Name of a bug that is planted before anything of the product is imported. */
  plant?: string | undefined;
}

/** A run as it is sent between threads: the trace only where something broke. */
export type PlayedBrief = Omit<Played, 'trace'> & { trace: string[] };

/** Plays each seed that it is sent, and answers with what became of it. */
async function work(): Promise<void> {
  const { plant: name } = workerData as PlayWorkerData;
  if (name !== undefined) plant(findBug(name));
  const { playSeed } = await import('./play-seed.ts');
  parentPort?.on('message', async (seed: number) => {
    const played = await playSeed(seed);
    const brief: PlayedBrief = { ...played, trace: played.broken.length > 0 ? [...played.trace] : [] };
    parentPort?.postMessage(brief);
  });
}

await work();
