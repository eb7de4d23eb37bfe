import { type Clock, sleep } from '../runtime/clock.ts';

/** AWS credentials as the SDK passes them about. */
export interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
  expiration?: Date;
}

/** Finds credentials, or fails with the SDK's `CredentialsProviderError`. */
export type CredentialsProvider = () => Promise<Credentials>;

export interface CredentialsSourceDeps {
  clock: Clock;
  find: CredentialsProvider;
  /** @default 4000, so that a user reads of missing credentials within 5 s; the instance's metadata is given 1-2 s by the SDK */
  timeoutMs?: number | undefined;
  /** How long a failure is taken for the answer. @default 2000 */
  rememberFailureMs?: number | undefined;
}

/**
 * Asks for credentials in bounded time. Callers share one search, for it may end in calls to addresses that never
 * answer, and a failure is remembered for a moment, so that a thousand callers do not repeat it.
 */
export function createCredentialsSource(deps: CredentialsSourceDeps): CredentialsProvider {
  const { clock, find, timeoutMs = 4000, rememberFailureMs = 2000 } = deps;
  let search: Promise<Credentials> | undefined;
  let failed: { error: unknown; untilMs: number } | undefined;

  async function bounded(): Promise<Credentials> {
    const stop = new AbortController();
    const timeout = sleep(clock, timeoutMs, stop.signal).then(() => {
      if (!stop.signal.aborted)
        throw credentialsError(`no source of credentials answered within ${timeoutMs / 1000} s`);
    });
    try {
      return (await Promise.race([find(), timeout])) as Credentials;
    } catch (error) {
      failed = { error, untilMs: clock.monotonicMs() + rememberFailureMs };
      throw error;
    } finally {
      stop.abort('over');
      search = undefined;
    }
  }

  return () => {
    if (failed && clock.monotonicMs() < failed.untilMs) return Promise.reject(failed.error);
    failed = undefined;
    search ??= bounded();
    return search;
  };
}

function credentialsError(message: string): Error {
  const error = new Error(message);
  error.name = 'CredentialsProviderError';
  return error;
}
