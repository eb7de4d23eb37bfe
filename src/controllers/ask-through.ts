import type { Probe, ProbeAnswer } from '../core/probe.ts';
import type { Clock } from '../runtime/clock.ts';
import type { ConversationNetwork } from '../runtime/conversation.ts';

/** How long an answer may take: several times a round trip around the world. */
export const answerMs = 2_000;
/** More than this is not an answer to a probe. */
const maxHeardBytes = 4_096;

/** Sends a probe to one address, by each of its protocols, and waits for the answer; the best one counts. */
export async function askThrough(deps: AskDeps, address: string, port: number, probe: Probe): Promise<ProbeAnswer> {
  const answers = await Promise.all(
    probe.protocols.map(protocol => ask(deps, protocol, { host: address, port }, probe)),
  );
  const heard = (outcome: ProbeAnswer['outcome']) => answers.find(answer => answer.outcome === outcome);
  return heard('expected') ?? heard('wrong') ?? answers[0]!;
}

interface AskDeps {
  network: ConversationNetwork;
  clock: Clock;
}

function ask(
  { network, clock }: AskDeps,
  protocol: 'TCP' | 'UDP',
  to: { host: string; port: number },
  probe: Probe,
): Promise<ProbeAnswer> {
  return new Promise(resolve => {
    let heard = Buffer.alloc(0);
    const end = () => {
      timer.cancel();
      conversation?.close();
      const outcome = heard.includes(probe.expect) ? 'expected' : heard.length > 0 ? 'wrong' : 'silent';
      resolve({ address: to.host, outcome, heard });
    };
    const timer = clock.after(answerMs, end);
    const conversation = network.converse(protocol, to, probe.send, {
      data(bytes) {
        heard = Buffer.concat([heard, bytes]).subarray(0, maxHeardBytes);
        if (heard.includes(probe.expect) || heard.length === maxHeardBytes) end();
      },
      closed: end,
    });
  });
}
