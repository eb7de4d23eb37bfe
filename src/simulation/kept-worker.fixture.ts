import { parentPort, workerData } from 'node:worker_threads';
import { recordBooks } from './kept-books.fixture.ts';

/** What a worker is told when it is made. */
export interface KeptWorkerData {
  /** How many rounds of rooms and Services come and go before each count. */
  rounds: number[];
}

/** Lets rooms and Services come and go, and answers with what two operators keep in mind each time that all are gone. */
async function work(): Promise<void> {
  const { rounds } = workerData as KeptWorkerData;
  const books = recordBooks();
  const { startComingAndGoing } = await import('./coming-and-going.fixture.ts');
  const people = await startComingAndGoing();
  for (const count of rounds) {
    for (let round = 0; round < count; round++) await people.round();
    await people.rest();
    parentPort?.postMessage(books.count());
  }
  await people.end();
}

await work();
