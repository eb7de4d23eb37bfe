import type { Endpoint } from '../../network.ts';
import type { Answer, Transport } from '../ask.ts';
import type { Stage } from '../stage.ts';

/** `host:port`. */
export function shown({ host, port }: Endpoint): string {
  return `${host}:${port}`;
}

/** What came back, for people. */
export function said(answer: Answer): string {
  return answer.ok ? `says "${answer.text}"` : `gives ${answer.why}`;
}

/** Asks every endpoint, and says whether each was answered by the room of the same place in `names`. */
export async function eachAnswersItself(
  stage: Stage,
  transport: Transport,
  names: readonly string[],
  endpoints: readonly Endpoint[],
): Promise<{ ok: boolean; detail: string }> {
  const answers = await stage.whoAnswers(transport, endpoints);
  const lines = answers.map((answer, index) => `${shown(endpoints[index]!)} ${said(answer)}`);
  const wrong = lines.filter((_, index) => {
    const answer = answers[index]!;
    return !answer.ok || answer.text !== names[index];
  });
  if (wrong.length > 0) {
    return { ok: false, detail: `${wrong.length} of ${names.length} are wrong: ${wrong.slice(0, 3).join(', ')}` };
  }
  return {
    ok: true,
    detail: lines.length > 3 ? `${lines.length} of ${names.length} with their own names` : lines.join(', '),
  };
}
