import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { PlayedBrief, PlayWorkerData } from './play-worker.ts';

export interface PlaySeedsOptions {
  seed: number;
  runs: number;
  /** A bug to plant; see planted-bugs.ts. */
  plant?: string | undefined;
  /** Stops after this many seeds that failed. @default 1 where a bug is planted, else no end */
  failures?: number;
  /** @default one per processor */
  workers?: number;
  onPlayed?: (played: PlayedBrief) => void;
}

/** Plays the seeds from `seed` on, on all processors. Resolves to the runs in the order of their seeds. */
export async function playSeeds(options: PlaySeedsOptions): Promise<PlayedBrief[]> {
  const { seed, runs, plant, workers = availableParallelism(), onPlayed } = options;
  const failures = options.failures ?? (plant === undefined ? Number.POSITIVE_INFINITY : 1);
  const played: PlayedBrief[] = [];
  let next = seed;
  let failed = 0;
  const isOver = () => next >= seed + runs || failed >= failures;

  await Promise.all(
    Array.from({ length: Math.min(workers, runs) }, async () => {
      const data: PlayWorkerData = { plant };
      const worker = new Worker(new URL('./play-worker.ts', import.meta.url), { workerData: data });
      try {
        while (!isOver()) {
          const done = await play(worker, next++);
          played.push(done);
          if (done.broken.length > 0) failed += 1;
          onPlayed?.(done);
        }
      } finally {
        await worker.terminate();
      }
    }),
  );
  return played.toSorted((a, b) => a.seed - b.seed);
}

function play(worker: Worker, seed: number): Promise<PlayedBrief> {
  return new Promise((resolve, reject) => {
    const onError = (error: Error) => reject(new Error(`Seed ${seed}: ${error.message}`, { cause: error }));
    worker.once('error', onError);
    worker.once('message', (played: PlayedBrief) => {
      worker.off('error', onError);
      resolve(played);
    });
    worker.postMessage(seed);
  });
}
