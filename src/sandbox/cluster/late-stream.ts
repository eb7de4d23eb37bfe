import { type Clock, sleep } from '../../runtime/clock.ts';

export interface LateStreamOptions {
  /** Drawn for each piece, milliseconds. */
  delayMs: () => number;
  /** Awaited before each piece, and before the end; what it throws ends the stream. */
  before?: () => Promise<void>;
  signal?: AbortSignal | undefined;
}

/** The pieces of a body, each so much later, in their order: a slow stream is late, not narrow. */
export async function* lateStream(
  clock: Clock,
  body: AsyncIterable<Uint8Array>,
  { delayMs, before, signal }: LateStreamOptions,
): AsyncGenerator<Uint8Array> {
  const source = body[Symbol.asyncIterator]();
  const onTheWay: { result: Promise<IteratorResult<Uint8Array>>; dueMs: Promise<number> }[] = [];
  let lastMs = 0;
  const pull = () => {
    const result = source.next();
    const dueMs = result.then(
      ({ done }) => {
        if (!done) pull();
        lastMs = Math.max(lastMs, clock.monotonicMs() + delayMs());
        return lastMs;
      },
      () => lastMs,
    );
    onTheWay.push({ result, dueMs });
    result.catch(() => {});
  };
  pull();
  try {
    for (;;) {
      const { result, dueMs } = onTheWay.shift()!;
      await sleep(clock, (await dueMs) - clock.monotonicMs(), signal);
      await before?.();
      const { done, value } = await result;
      if (done) return;
      yield value;
    }
  } finally {
    await source.return?.();
  }
}
