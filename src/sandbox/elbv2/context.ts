import type { Clock } from '../../runtime/clock.ts';
import type { Log } from '../../runtime/log.ts';
import type { Random } from '../../runtime/random.ts';
import type { AddressPool } from './address-pool.ts';
import type { DataPlane } from './data-plane.ts';
import type { HealthChecker } from './health-checker.ts';
import type { Input } from './input.ts';
import type { DurationRange, Settings } from './settings.ts';
import type { BucketName } from './throttle.ts';
import type { Target, TargetGroup, World } from './world.ts';
import type { XmlObject } from './xml.ts';

/** What all actions share: the parts of the emulator that outlive a call. */
export interface Machine {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly settings: Settings;
  readonly addresses: AddressPool;
  readonly plane: DataPlane;
  readonly health: HealthChecker;
  /** One duration out of a setting's range, in milliseconds. */
  draw(range: DurationRange): number;
  /** A target is gone for good: its flows end or live on as the group's attributes say, its timers stop. */
  dropTarget(group: TargetGroup, target: Target, endFlows: boolean): void;
}

/** One call on its way. */
export interface Context extends Machine {
  readonly world: World;
  readonly input: Input;
}

/** One action of the API. */
export interface Action {
  readonly bucket: BucketName;
  /** The ARNs that IAM would authorise it on, by the Service Authorization Reference (D); `*` for all. */
  resources(world: World, input: Input): string[];
  /** Does it; raises `AwsError`. The answer's fields. */
  run(context: Context): XmlObject | Promise<XmlObject>;
}
