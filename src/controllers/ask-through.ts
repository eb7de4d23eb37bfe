import type { Probe, ProbeAnswer } from '../core/probe.ts';
import type { Clock } from '../runtime/clock.ts';
import type { ConversationNetwork } from '../runtime/conversation.ts';

/** How long an answer may take: several times a round trip around the world. */
export const answerMs = 2_000;
/** More than this is not an answer to a probe. */
const maxHeardBytes = 4_096;

/** Sends a probe to one address, and waits for its answer. */
export function askThrough(
  { network, clock }: { network: ConversationNetwork; clock: Clock },
  address: string,
  port: number,
  probe: Probe,
): Promise<ProbeAnswer> {
  return new Promise(resolve => {
    let heard = Buffer.alloc(0);
    const end = () => {
      timer.cancel();
      conversation?.close();
      const outcome = heard.includes(probe.expect) ? 'expected' : heard.length > 0 ? 'wrong' : 'silent';
      resolve({ address, outcome, heard });
    };
    const timer = clock.after(answerMs, end);
    const conversation = network.converse(probe.protocol, { host: address, port }, probe.send, {
      data(bytes) {
        heard = Buffer.concat([heard, bytes]).subarray(0, maxHeardBytes);
        if (heard.includes(probe.expect) || heard.length === maxHeardBytes) end();
      },
      closed: end,
    });
  });
}
