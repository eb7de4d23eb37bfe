import { type Clock, sleep } from '../../runtime/clock.ts';
import { type Endpoint, type Network, networkErrorCode } from '../network.ts';

/** Who a client is: any address of loopback would do. */
const clientHost = '127.0.0.1';

/** What came back. */
export type Answer = { ok: true; text: string } | { ok: false; why: string };

export interface AskDeps {
  clock: Clock;
  network: Network;
}

export type Transport = 'UDP' | 'TCP';

/** Sends a few bytes from a new socket, so as a new flow, and waits for the first that come back. */
export function ask(deps: AskDeps, transport: Transport, to: Endpoint, timeoutMs: number): Promise<Answer> {
  return transport === 'UDP' ? askUdp(deps, to, timeoutMs) : askTcp(deps, to, timeoutMs);
}

/**
 * Asks again, each time as a new flow, while nothing comes back. An answer of any kind ends it: bytes that come out of
 * the wrong room are never asked away.
 */
export async function askPatiently(
  deps: AskDeps,
  transport: Transport,
  to: Endpoint,
  limitMs: number,
): Promise<Answer> {
  const endMs = deps.clock.monotonicMs() + limitMs;
  for (;;) {
    const answer = await ask(deps, transport, to, 1_000);
    if (answer.ok || deps.clock.monotonicMs() >= endMs) return answer;
    await sleep(deps.clock, 100);
  }
}

const question = new TextEncoder().encode('who is there?');
const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

async function askUdp({ clock, network }: AskDeps, to: Endpoint, timeoutMs: number): Promise<Answer> {
  const heard = Promise.withResolvers<Answer>();
  const timer = clock.after(timeoutMs, () => heard.resolve({ ok: false, why: `no answer in ${timeoutMs} ms` }));
  const socket = await network.bindUdp({ host: clientHost, port: 0 }, bytes =>
    heard.resolve({ ok: true, text: textOf(bytes) }),
  );
  socket.send(question, to);
  const answer = await heard.promise;
  timer.cancel();
  await socket.close();
  return answer;
}

async function askTcp({ clock, network }: AskDeps, to: Endpoint, timeoutMs: number): Promise<Answer> {
  const heard = Promise.withResolvers<Answer>();
  try {
    const connection = await network.dialTcp(to, { timeoutMs });
    const timer = clock.after(timeoutMs, () => heard.resolve({ ok: false, why: `no answer in ${timeoutMs} ms` }));
    connection.attach({
      data: bytes => heard.resolve({ ok: true, text: textOf(bytes) }),
      ended: () => heard.resolve({ ok: false, why: 'an end without an answer' }),
      closed: () => heard.resolve({ ok: false, why: 'a reset without an answer' }),
      drained: () => {},
    });
    connection.write(question);
    const answer = await heard.promise;
    timer.cancel();
    connection.reset();
    return answer;
  } catch (error) {
    return { ok: false, why: networkErrorCode(error) };
  }
}
