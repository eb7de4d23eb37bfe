import type { Random } from '../../src/runtime/random.ts';

/** A request before it is broken. */
export interface FuzzRequest {
  readonly method: string;
  /** With the query string. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** True where the answer only ends when somebody goes away. */
  readonly endless?: boolean;
}

/** A server under fire. */
export interface FrontDoor {
  readonly name: string;
  readonly port: number;
  /** A request that may make sense. */
  request(random: Random): FuzzRequest;
  /** Shown each answer, to learn names from it. */
  learn(body: string): void;
  /** A request that must always succeed. */
  healthy(): FuzzRequest;
  /** True for a 5xx that the real server answers to such a request too. */
  isRight(status: number, body: string): boolean;
  /** Failures that the server logged so far. */
  readonly failures: readonly string[];
  /** What is left over when all clients are gone, in words; undefined for nothing. */
  leftOver(): string | undefined;
  close(): Promise<void>;
}
