import { createServer } from 'node:net';
import { randomInt, systemRandom } from '../../src/runtime/random.ts';

/**
 * Below the range that Linux takes outgoing connections' ports from (32768 upwards), so that no client's socket
 * sits on what we pick, and below the load balancers' ports that the tests use (30000 upwards).
 */
const lowest = 20_000;
const highest = 29_999;

/**
 * A port of 127.0.0.1 that was free a moment ago. Someone may still take it first: start the server inside
 * `retryOnTakenPort`.
 */
export async function pickPort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = randomInt(systemRandom(), lowest, highest);
    if (await isFree(port)) return port;
  }
  throw new Error(`Cannot pick a port between ${lowest} and ${highest}: 100 tries all met a taken one.`);
}

/** Runs `start` again while it fails with {@link PortTakenError}, a few times. */
export async function retryOnTakenPort<T>(start: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start();
    } catch (error) {
      if (!(error instanceof PortTakenError) || attempt === 5) throw error;
    }
  }
}

/** A server lost the race for the port that it was told to listen on. */
export class PortTakenError extends Error {}

/** Whether a server's log says that its port was taken. */
export function saysPortTaken(log: string): boolean {
  return /address already in use|EADDRINUSE/.test(log);
}

function isFree(port: number): Promise<boolean> {
  return new Promise(done => {
    const server = createServer();
    server.once('error', () => done(false));
    server.listen(port, '127.0.0.1', () => server.close(() => done(true)));
  });
}
