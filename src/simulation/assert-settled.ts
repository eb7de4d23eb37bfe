import assert from 'node:assert/strict';
import { poolLabel } from '../api/names.ts';
import { type NLBPort, sameTarget } from '../api/port.ts';
import type { Pod } from '../kube/objects.ts';
import type { World } from './world.ts';

/**
 * Judges a world that is at rest: every claim has its pod and every served pod one port; AWS holds exactly what the
 * NLBPorts say, with exactly their targets. Throws where that is not so (yet). `served`: pods that must have a port;
 * all running ones of any pool unless given.
 */
export async function assertSettled(world: World, served?: readonly string[]): Promise<void> {
  const [ports, pods] = [await world.ports(), await world.pods()];
  const live = new Map(pods.map(pod => [pod.metadata.uid, pod]));
  const wanted = served ?? pods.filter(isRunning).map(pod => pod.metadata.name);

  const byClaimant = Map.groupBy(
    ports.filter(({ spec }) => spec.claim && !spec.claim.releasedAt),
    ({ spec }) => spec.claim!.uid,
  );
  for (const [uid, held] of byClaimant) {
    const names = held.map(port => port.metadata.name).join(', ');
    assert.ok(live.has(uid), `${names} is held by a pod that is gone: ${held[0]!.spec.claim!.name}`);
    assert.equal(held.length, 1, `${held[0]!.spec.claim!.name} holds several ports: ${names}`);
  }
  for (const name of wanted) {
    const pod = pods.find(({ metadata }) => metadata.name === name);
    assert.ok(pod, `no pod ${name}`);
    const [port] = byClaimant.get(pod.metadata.uid ?? '') ?? [];
    assert.ok(port, `${name} holds no port`);
    assert.equal(world.endpointOf(pod), port.status?.endpoint, `the endpoint of ${name} is not its port's`);
    assert.ok(port.status?.endpoint, `${name} has no endpoint`);
    assert.deepEqual(port.spec.targets, [{ ip: pod.status?.podIP, port: 7777 }], `the target of ${name}`);
  }
  await assertAwsMatches(world, ports);
}

/** AWS holds what the NLBPorts say and nothing else of ours: the product's target groups are named `nlbp-...`. */
export async function assertAwsMatches(world: World, ports: readonly NLBPort[]): Promise<void> {
  const groups = await ourTargetGroups(world);
  const known = ports.flatMap(({ status }) => status?.targetGroupArn ?? []);
  assert.deepEqual(groups.toSorted(), known.toSorted(), 'target groups in AWS and in the NLBPorts');
  const listeners: string[] = [];
  for (const { arn } of world.loadBalancers) {
    const answer = await world.aws('DescribeListeners', { LoadBalancerArn: arn });
    // A listener's ARN comes first, then what it forwards to.
    for (const part of answer.body.split('<ListenerArn>').slice(1)) {
      if (part.includes('targetgroup/nlbp-')) listeners.push(part.slice(0, part.indexOf('<')));
    }
  }
  const knownListeners = ports.flatMap(({ status }) => status?.listenerArn ?? []);
  assert.deepEqual(listeners.toSorted(), knownListeners.toSorted(), 'listeners in AWS and in the NLBPorts');
  for (const { metadata, spec, status } of ports) {
    if (!status?.targetGroupArn) continue;
    const health = await world.aws('DescribeTargetHealth', { TargetGroupArn: status.targetGroupArn });
    const states = health.texts('State');
    const ids = health.texts('Id');
    // Each entry has its target's port and then the port of its health check.
    const numbers = health.texts('Port');
    const registered = ids
      .map((ip, at) => ({ ip, port: Number(numbers[at]), state: states[at] }))
      .filter(({ state }) => state !== 'draining');
    const expected = spec.targets ?? [];
    const same =
      registered.length === expected.length &&
      registered.every(target => expected.some(other => sameTarget(target, other)));
    assert.ok(same, `${metadata.name} has ${JSON.stringify(registered)}, wanted ${JSON.stringify(expected)}`);
  }
}

async function ourTargetGroups(world: World): Promise<string[]> {
  const arns: string[] = [];
  let marker: string | undefined;
  do {
    const page = await world.aws('DescribeTargetGroups', marker === undefined ? {} : { Marker: marker });
    arns.push(...page.texts('TargetGroupArn').filter(arn => arn.includes('targetgroup/nlbp-')));
    marker = page.text('NextMarker');
  } while (marker !== undefined);
  return arns;
}

function isRunning(pod: Pod): boolean {
  return (
    pod.metadata.labels?.[poolLabel] !== undefined &&
    pod.metadata.deletionTimestamp === undefined &&
    pod.status?.phase === 'Running'
  );
}
