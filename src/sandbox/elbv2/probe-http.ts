import type { Clock } from '../../runtime/clock.ts';
import type { Endpoint, Network } from '../network.ts';
import { hangUp } from './hang-up.ts';
import type { ProbeResult } from './health-checker.ts';

/** One HTTP health check. */
export interface HttpProbe {
  timeoutMs: number;
  tls: boolean;
  /** For the Host header: AWS sends the target's address and port. */
  host: string;
  path: string;
  /** Status codes that pass, as `200`, `200,301` or `200-399`. */
  matcher: string;
}

// A status line is short: whoever sends more than this without one is not speaking HTTP.
const maxHeadBytes = 16_384;

/** GETs the path and judges the status; raises what the network raises where no connection comes about. */
export async function probeHttp(
  deps: { clock: Clock; network: Network },
  to: Endpoint,
  probe: HttpProbe,
): Promise<ProbeResult> {
  const beganMs = deps.clock.monotonicMs();
  const connection = await deps.network.dialTcp(to, { timeoutMs: probe.timeoutMs, tls: probe.tls });
  const leftMs = Math.max(1, probe.timeoutMs - (deps.clock.monotonicMs() - beganMs));
  return new Promise(resolve => {
    let head = '';
    let done = false;
    let hungUp = () => {};
    const finish = (result: ProbeResult) => {
      if (done) return;
      done = true;
      timer.cancel();
      hungUp = hangUp(deps.clock, connection);
      resolve(result);
    };
    const broken = () =>
      finish({ healthy: false, reason: 'Target.FailedHealthChecks', description: 'Health checks failed' });
    const timer = deps.clock.after(leftMs, () =>
      finish({ healthy: false, reason: 'Target.Timeout', description: 'Request timed out' }),
    );
    connection.attach({
      data(bytes) {
        head += Buffer.from(bytes).toString('latin1');
        const status = /^HTTP\/1\.[01] (\d{3})[ \r\n]/.exec(head)?.[1];
        if (status !== undefined) finish(judge(Number(status), probe.matcher));
        else if (head.length > maxHeadBytes || (head.length >= 5 && !head.startsWith('HTTP/'))) broken();
      },
      ended: broken,
      closed() {
        broken();
        hungUp();
      },
      drained() {},
    });
    connection.write(
      Buffer.from(
        `GET ${probe.path} HTTP/1.1\r\nHost: ${probe.host}\r\nConnection: close\r\nUser-Agent: ELB-HealthChecker/2.0\r\nAccept-Encoding: gzip, compressed\r\n\r\n`,
      ),
    );
  });
}

function judge(status: number, matcher: string): ProbeResult {
  const fits = matcher.split(',').some(part => {
    const [from, to] = part.split('-').map(Number);
    return status >= from! && status <= (to ?? from!);
  });
  if (fits) return { healthy: true };
  return {
    healthy: false,
    reason: 'Target.ResponseCodeMismatch',
    description: `Health checks failed with these codes: [${status}]`,
  };
}
