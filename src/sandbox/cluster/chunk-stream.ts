/** A body that is written piece by piece and read as it comes. */
export interface ChunkStream {
  /** Pieces that nobody has read yet. */
  readonly waiting: number;
  write(chunk: Uint8Array): void;
  /** No more pieces: the reader gets those that wait, then the end. */
  end(): void;
  /** The reader gets `error` at once. */
  fail(error: Error): void;
  readonly body: AsyncIterable<Uint8Array>;
}

/** Makes a stream; `onClose` runs once, when it is ended, failed or left by its reader. */
export function createChunkStream(onClose: () => void): ChunkStream {
  const chunks: Uint8Array[] = [];
  let first = 0;
  let ended = false;
  let failure: Error | undefined;
  let closed = false;
  let wake: (() => void) | undefined;

  const close = () => {
    if (closed) return;
    closed = true;
    onClose();
  };
  const signal = () => {
    wake?.();
    wake = undefined;
  };

  async function next(): Promise<IteratorResult<Uint8Array>> {
    for (;;) {
      if (failure) throw failure;
      if (first < chunks.length) {
        const value = chunks[first++]!;
        if (first === chunks.length) {
          chunks.length = 0;
          first = 0;
        }
        return { done: false, value };
      }
      if (ended) return { done: true, value: undefined };
      await new Promise<void>(resolve => {
        wake = resolve;
      });
    }
  }

  return {
    get waiting() {
      return chunks.length - first;
    },
    write(chunk) {
      if (ended || failure) return;
      chunks.push(chunk);
      signal();
    },
    end() {
      ended = true;
      close();
      signal();
    },
    fail(error) {
      failure ??= error;
      close();
      signal();
    },
    body: {
      [Symbol.asyncIterator]: () => ({
        next,
        async return() {
          ended = true;
          chunks.length = 0;
          first = 0;
          close();
          signal();
          return { done: true, value: undefined };
        },
      }),
    },
  };
}

/** A body of one piece. */
export function wholeBody(chunk: Uint8Array): AsyncIterable<Uint8Array> {
  return {
    async *[Symbol.asyncIterator]() {
      yield chunk;
    },
  };
}
