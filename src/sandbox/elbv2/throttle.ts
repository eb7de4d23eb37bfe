import type { Clock } from '../../runtime/clock.ts';
import { AwsError } from './aws-error.ts';
import type { Settings } from './settings.ts';

/** The classes of calls that share a bucket. */
export type BucketName = 'describe' | 'registration' | 'mutating' | 'slow';

/** The buckets of one account in one region. */
export interface Throttle {
  /** Takes one token from the account's bucket and one from the class's; raises `Throttling` where either is empty. */
  take(bucket: BucketName): void;
}

/** Buckets that start full. A refused call takes nothing. */
export function createThrottle(deps: { clock: Clock; settings: Settings }): Throttle {
  const { clock, settings } = deps;
  const bucket = (burst: number, perSecond: number) => ({
    burst,
    perSecond,
    tokens: burst,
    readMs: clock.monotonicMs(),
  });
  const account = bucket(settings['bucket-account-burst'], settings['bucket-account-rate']);
  const classes = {
    describe: bucket(settings['bucket-describe-burst'], settings['bucket-describe-rate']),
    registration: bucket(settings['bucket-registration-burst'], settings['bucket-registration-rate']),
    mutating: bucket(settings['bucket-mutating-burst'], settings['bucket-mutating-rate']),
    slow: bucket(settings['bucket-slow-burst'], settings['bucket-slow-rate']),
  };

  function refill(of: typeof account, nowMs: number): void {
    of.tokens = Math.min(of.burst, of.tokens + ((nowMs - of.readMs) / 1000) * of.perSecond);
    of.readMs = nowMs;
  }

  // Refilling by many small steps must not lose a token to rounding.
  const hasOne = (of: typeof account) => of.tokens >= 1 - 1e-9;

  return {
    take(name) {
      if (!settings.throttling) return;
      const nowMs = clock.monotonicMs();
      const own = classes[name];
      refill(account, nowMs);
      refill(own, nowMs);
      if (!hasOne(account) || !hasOne(own)) throw new AwsError(settings['throttle-code'], 'Rate exceeded');
      account.tokens -= 1;
      own.tokens -= 1;
    },
  };
}
