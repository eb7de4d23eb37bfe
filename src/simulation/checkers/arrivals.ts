import type { OperatorCall } from '../world.ts';
import type { Scene } from './invariant.ts';
import { placesOf } from './sight.ts';

/** What AWS answers may be this old, by its own delay and the call's. */
export const answerLagMs = 5_000;

/** When calls registered targets: one that has only just arrived could not be seen in an answer yet. */
export interface Arrivals {
  /** To be told of every call. */
  note(call: OperatorCall, action: string): void;
  /** Whether the place, `ip:port`, was registered with the target group so lately. */
  isNew(arn: string, place: string): boolean;
}

export function createArrivals(scene: Pick<Scene, 'nowMs'>): Arrivals {
  const atMs = new Map<string, number>();
  return {
    note({ body }, action) {
      // Whatever it was answered.
      if (action !== 'RegisterTargets') return;
      const arn = new URLSearchParams(body).get('TargetGroupArn');
      for (const place of placesOf(body)) atMs.set(`${arn} ${place}`, scene.nowMs());
    },
    isNew: (arn, place) => scene.nowMs() - (atMs.get(`${arn} ${place}`) ?? Number.NEGATIVE_INFINITY) <= answerLagMs,
  };
}
