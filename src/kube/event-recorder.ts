import type { KubeObject } from './objects.ts';
import type { Resource } from './resource.ts';

/** A line in `kubectl describe`: written once per change of state, never per retry. */
export interface EventToRecord<T extends KubeObject = KubeObject> {
  resource: Resource<T>;
  object: T;
  type: 'Normal' | 'Warning';
  /** CamelCase, such as `PortBound`. */
  reason: string;
  /** What was being done, CamelCase, such as `Bind`. */
  action: string;
  /** Cut to 1,024 bytes at a character's boundary. */
  message: string;
}

/** Writes Events in the background; a failed write is logged and counted, and never fails the caller. */
export interface EventRecorder {
  record<T extends KubeObject>(event: EventToRecord<T>): void;
  /** Resolves when everything recorded so far was written or given up. */
  flush(): Promise<void>;
}
