import { endpointAnnotation, readyCondition } from '../../api/names.ts';
import type { NLBPortPool } from '../../api/pool.ts';
import { nlbPortPools } from '../../api/pool.ts';
import type { NLBPort } from '../../api/port.ts';
import type { Pod } from '../../kube/objects.ts';
import { pods } from '../../kube/resource.ts';
import { type Clock, sleep } from '../../runtime/clock.ts';
import type { Endpoint, Network } from '../network.ts';
import { type Answer, ask, askPatiently, type Transport } from './ask.ts';
import type { MadeLoadBalancer } from './aws-person.ts';
import { type DemoPool, demoPool, roomPod } from './demo-objects.ts';
import type { Sandbox } from './sandbox.ts';
import type { Teller } from './story-event.ts';

export interface StageDeps {
  sandbox: Sandbox;
  clock: Clock;
  network: Network;
  teller: Teller;
}

export interface StageOptions {
  /** Longest wait for one thing, milliseconds. */
  stepMs: number;
  /** How long silence is asked away once a room is called healthy, milliseconds. */
  flowMs: number;
  /** Aborted when the sandbox is to end. */
  signal: AbortSignal;
}

/** What the chapters of the story do and see. */
export interface Stage {
  readonly sandbox: Sandbox;
  readonly clock: Clock;
  readonly network: Network;
  note(text: string): void;
  loadBalancer(name: string): Promise<MadeLoadBalancer>;
  /** Makes a pool and waits for its ports. */
  pool(spec: DemoPool): Promise<NLBPortPool>;
  /** Makes pods that ask `pool` for a port, all at once. */
  rooms(names: readonly string[], pool: string): Promise<void>;
  removeRooms(names: readonly string[]): Promise<void>;
  /**
   * Waits for `look` to give something, telling meanwhile what is waited for and, by `state`, how far it is.
   * @throws StepTimeout
   */
  wait<T>(what: string, look: () => T | undefined, state?: () => string): Promise<T>;
  /** Waits for time alone. */
  pause(why: string, ms: number): Promise<void>;
  /** Waits until every room is called healthy; gives their endpoints in the same order. */
  ready(names: readonly string[]): Promise<Endpoint[]>;
  /** Waits until every room has an endpoint, healthy or not; gives them in the same order. */
  endpoints(names: readonly string[]): Promise<Endpoint[]>;
  endpointOf(name: string): Endpoint | undefined;
  /** The pod's condition nlbports.dev/ready in words. */
  stateOf(name: string): string;
  port(pool: string, number: number): NLBPort | undefined;
  /** Asks once. */
  ask(transport: Transport, to: Endpoint, timeoutMs: number): Promise<Answer>;
  /** Who answers, for each of these; a room that is silent is asked again for a while. */
  whoAnswers(transport: Transport, endpoints: readonly Endpoint[]): Promise<Answer[]>;
}

/** Raised where something did not happen in time; the message says what, and how far it was. */
export class StepTimeout extends Error {
  override readonly name = 'StepTimeout';
}

/** Makes a stage. */
export function createStage(deps: StageDeps, options: StageOptions): Stage {
  const { sandbox, clock, network, teller } = deps;
  const { view, kube } = sandbox;
  const { stepMs, flowMs, signal } = options;
  const conditionOf = (name: string) => view.pod(name)?.status?.conditions?.find(({ type }) => type === readyCondition);

  /** Waits until every room has an endpoint and `isSo`; tells one reason in full, as the others' are mostly the same. */
  function untilAll(names: readonly string[], what: string, isSo: (name: string) => boolean): Promise<Endpoint[]> {
    const waiting = () => names.filter(name => !isSo(name) || stage.endpointOf(name) === undefined);
    return stage.wait(
      `${names.join(', ')} ${what}`,
      () => (waiting().length > 0 ? undefined : names.map(name => stage.endpointOf(name)!)),
      () => {
        const [first, ...others] = waiting();
        if (first === undefined) return '';
        const rest = others.map(name => `; ${name}: ${conditionOf(name)?.reason ?? 'New'}`);
        return `${first}: ${stage.stateOf(first)}${rest.join('')}`;
      },
    );
  }

  const stage: Stage = {
    sandbox,
    clock,
    network,
    note: text => teller.tell({ type: 'note', text }),
    loadBalancer: name => sandbox.aws.createLoadBalancer(name),
    async pool(spec) {
      await kube.create(nlbPortPools, demoPool(spec));
      const count = (spec.ports.max - spec.ports.min + 1) * spec.loadBalancers.length;
      return await stage.wait(
        `the ${count} ports of pool ${spec.name}`,
        () => (view.ports(spec.name).length === count ? view.pool(spec.name) : undefined),
        () => `${view.ports(spec.name).length} of ${count} are made`,
      );
    },
    async rooms(names, pool) {
      await Promise.all(names.map(name => kube.create(pods, roomPod(name, pool))));
    },
    async removeRooms(names) {
      await Promise.all(names.map(name => kube.delete(pods, { namespace: 'default', name })));
    },
    async wait(what, look, state = () => '') {
      const say = () => teller.tell({ type: 'progress', text: join(`Waiting for ${what}`, state()) });
      const found = await view.until(
        () => {
          const seen = look();
          if (seen === undefined) say();
          return seen;
        },
        stepMs,
        signal,
      );
      if (found === undefined) {
        throw new StepTimeout(join(`Waited ${stepMs / 1000} s for ${what}`, state()));
      }
      return found;
    },
    async pause(why, ms) {
      if (ms === 0) return;
      teller.tell({ type: 'note', text: `${why}: ${Math.ceil(ms / 1000)} s` });
      await sleep(clock, ms, signal);
      signal.throwIfAborted();
    },
    endpoints: names => untilAll(names, 'to have endpoints', () => true),
    ready: names => untilAll(names, 'to be healthy', name => conditionOf(name)?.status === 'True'),
    endpointOf(name) {
      const [host, port] = view.pod(name)?.metadata.annotations?.[endpointAnnotation]?.split(':') ?? [];
      return host !== undefined && port !== undefined ? { host, port: Number(port) } : undefined;
    },
    stateOf(name) {
      const condition = conditionOf(name);
      if (condition === undefined) return podState(view.pod(name));
      return join(condition.reason ?? condition.status, condition.message ?? '');
    },
    port: (pool, number) => view.ports(pool).find(({ spec }) => spec.port === number),
    ask: (transport, to, timeoutMs) => ask({ clock, network }, transport, to, timeoutMs),
    whoAnswers: (transport, endpoints) =>
      Promise.all(endpoints.map(to => askPatiently({ clock, network }, transport, to, flowMs))),
  };
  return stage;
}

function podState(pod: Pod | undefined): string {
  return pod === undefined ? 'there is no such pod' : `its pod is ${pod.status?.phase ?? 'new'}`;
}

function join(what: string, detail: string): string {
  return detail === '' ? what : `${what}: ${detail}`;
}
