/** A process's claim to lead, proven by the Lease's own deadline. */
export interface Election {
  /**
   * True while this process holds the Lease and its renewal is recent enough, by the monotonic clock from before the
   * last renewal was sent, that no other may have taken it. Looked at before every AWS call that changes something.
   */
  isLeader(): boolean;
  readonly identity: string;
  /**
   * Seeks the lease, calls `lead` with a signal that is aborted when leadership is lost or `signal` is aborted, and
   * resolves after `lead` has ended and the Lease was given back.
   */
  run(signal: AbortSignal, lead: (leading: AbortSignal) => Promise<void>): Promise<'ended' | 'lost'>;
}
