import type { Clock } from '../../runtime/clock.ts';
import type { Random } from '../../runtime/random.ts';
import { type Network, networkErrorCode } from '../network.ts';
import { targetGroupAttributes } from './attributes.ts';
import { hangUp } from './hang-up.ts';
import { probeHttp } from './probe-http.ts';
import type { DurationRange, Settings } from './settings.ts';
import type { Target } from './world.ts';

/** Keeps checking the targets of the groups that are in use. */
export interface HealthChecker {
  /** A target begins: it was registered, or its group came into use. */
  start(target: Target): void;
  /** No more checks: it drains, or its group is out of use. */
  stop(target: Target): void;
  /** The group's health check was changed: the next check is made with the new settings, now. */
  restart(target: Target): void;
}

/** How one check ended. */
export type ProbeResult = { healthy: true } | { healthy: false; reason: string; description: string };

/** What the checker works with; `dialledHost` is where an address is really dialled. */
export interface HealthCheckerDeps {
  clock: Clock;
  random: Random;
  settings: Settings;
  network: Network;
  dialledHost(host: string): string;
  draw(range: DurationRange): number;
}

/** Health checks by real connections: TCP, HTTP, HTTPS. */
export function createHealthChecker(deps: HealthCheckerDeps): HealthChecker {
  const { clock, random, settings } = deps;

  function later(target: Target, delayMs: number, run: () => void): void {
    target.checkTimer?.cancel();
    target.checkTimer = clock.after(delayMs, () => {
      target.checkTimer = undefined;
      run();
    });
  }

  async function check(target: Target): Promise<void> {
    const round = target.checkRound;
    const result = await probe(deps, target);
    // Stopped, restarted or registered anew meanwhile.
    if (target.checkRound !== round) return;
    apply(target, result);
    later(target, target.group.healthCheck.intervalSeconds * 1000, () => void check(target));
  }

  function apply(target: Target, result: ProbeResult): void {
    const { healthCheck } = target.group;
    const needed = (threshold: number) => (settings['check-at-once'] ? 1 : threshold);
    if (result.healthy) {
      target.successes++;
      target.failures = 0;
      if (target.health !== 'healthy' && target.successes >= needed(healthCheck.healthyThreshold)) {
        target.health = 'healthy';
        target.unhealthyDrainingUntilMs = 0;
        target.reason = undefined;
        target.description = undefined;
        target.flowingMs = clock.monotonicMs() + deps.draw(settings['flow-delay']);
      }
      return;
    }
    target.failures++;
    target.successes = 0;
    if (target.health !== 'initial' && target.health !== 'healthy') {
      target.reason = result.reason;
      target.description = result.description;
      return;
    }
    if (target.failures >= needed(healthCheck.unhealthyThreshold)) turnUnhealthy(target, result);
  }

  function turnUnhealthy(target: Target, result: { reason: string; description: string }): void {
    const value = (key: string) => targetGroupAttributes.value(target.group, key);
    const wasHealthy = target.health === 'healthy';
    target.reason = result.reason;
    target.description = result.description;
    target.health = 'unhealthy';
    if (value('target_health_state.unhealthy.connection_termination.enabled') === 'true') {
      for (const end of [...target.flows]) end();
      return;
    }
    const drainMs = Number(value('target_health_state.unhealthy.draining_interval_seconds')) * 1000;
    if (wasHealthy) target.unhealthyDrainingUntilMs = clock.monotonicMs() + drainMs;
  }

  function begin(target: Target): void {
    if (target.group.targetType === 'instance') {
      // An instance has no address here, so nothing can be said of it.
      target.health = 'unavailable';
      target.reason = 'Elb.InternalError';
      target.description = 'Target health is unavailable due to an internal error';
      return;
    }
    if (!settings['health-checks'] || target.group.targetType === 'alb') {
      apply(target, { healthy: true });
      target.health = 'healthy';
      if (target.flowingMs === Number.POSITIVE_INFINITY)
        target.flowingMs = clock.monotonicMs() + deps.draw(settings['flow-delay']);
      return;
    }
    if (settings['check-at-once']) void check(target);
    else later(target, random.next() * target.group.healthCheck.intervalSeconds * 1000, () => void check(target));
  }

  function stop(target: Target): void {
    target.checkRound++;
    target.checkTimer?.cancel();
    target.checkTimer = undefined;
  }

  return {
    stop,
    start(target) {
      if (target.draining) return;
      stop(target);
      target.health = 'initial';
      target.unhealthyDrainingUntilMs = 0;
      target.successes = 0;
      target.failures = 0;
      target.flowingMs = Number.POSITIVE_INFINITY;
      const delayMs = deps.draw(settings['registration-delay']);
      target.registeredMs = clock.monotonicMs() + delayMs;
      if (delayMs === 0) begin(target);
      else later(target, delayMs, () => begin(target));
    },
    restart(target) {
      // Only one that is being checked already: the others will be with the new settings anyway.
      if (target.checkTimer === undefined || target.registeredMs > clock.monotonicMs()) return;
      stop(target);
      void check(target);
    },
  };
}

async function probe(deps: HealthCheckerDeps, target: Target): Promise<ProbeResult> {
  const { healthCheck } = target.group;
  const failed = { healthy: false, reason: 'Target.FailedHealthChecks', description: 'Health checks failed' } as const;
  const timeoutMs = healthCheck.timeoutSeconds * 1000;
  const to = {
    host: deps.dialledHost(target.id),
    port: healthCheck.port === 'traffic-port' ? target.port : Number(healthCheck.port),
  };
  try {
    if (healthCheck.protocol !== 'TCP') {
      return await probeHttp(deps, to, {
        timeoutMs,
        tls: healthCheck.protocol === 'HTTPS',
        host: `${target.id}:${to.port}`,
        path: healthCheck.path ?? '/',
        matcher: healthCheck.matcher ?? '200-399',
      });
    }
    const connection = await deps.network.dialTcp(to, { timeoutMs });
    connection.attach({ data() {}, ended() {}, closed: hangUp(deps.clock, connection), drained() {} });
    return { healthy: true };
  } catch (error) {
    return networkErrorCode(error) === 'ETIMEDOUT'
      ? { healthy: false, reason: 'Target.Timeout', description: 'Request timed out' }
      : failed;
  }
}
