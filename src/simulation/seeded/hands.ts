import { nlbPorts } from '../../api/port.ts';
import type { Listener, TargetGroup } from '../../sandbox/elbv2/world.ts';
import { ownerOf } from '../checkers/sight.ts';
import type { World } from '../world.ts';
import type { Draw } from './draw.ts';
import { type ForeignListener, makeForeignListener } from './make-foreign-listener.ts';

/** People who lay hands on what is the operator's: in AWS, and on NLBPorts. */
export interface Hands {
  /** Acts and how often they are drawn, as those of other people. */
  readonly acts: readonly { weight: number; act: () => Promise<string | undefined> }[];
}

export interface HandsDeps {
  world: World;
  draw: Draw;
  /** Told of every NLBPort whose resources or object somebody has touched. */
  onTouched: (portName: string) => void;
  /** Told of what somebody made in the place of ours. */
  onTaken: (theirs: ForeignListener) => void;
}

/** The address of somebody who was never a claimant: nobody else ever has it. */
const stranger = '10.9.9.9';

/** Makes people with a console of AWS and a kubectl. What they find there is the truth. */
export function createHands({ world, draw, onTouched, onTaken }: HandsDeps): Hands {
  const { kube } = world;
  const aws = () => world.emulator.look()[0]!;
  const owner = (resource: Listener | TargetGroup) => ownerOf({ clusterId: world.cluster.systemUid }, resource);
  let taken = 0;

  function anyOwn<T extends Listener | TargetGroup>(all: Iterable<T>): { found: T; port: string } | undefined {
    const own = [...all].flatMap(found => {
      const port = owner(found);
      return port === undefined ? [] : [{ found, port }];
    });
    return own.length === 0 ? undefined : draw.oneOf(own);
  }

  const anyListener = () => anyOwn(aws().listeners.values());
  const anyGroup = () => anyOwn(aws().targetGroups.values());

  const deleteListener = async ({ found, port }: { found: Listener; port: string }) => {
    onTouched(port);
    await world.person('DeleteListener', { ListenerArn: found.arn });
  };

  const acts: Hands['acts'] = [
    {
      weight: 2,
      async act() {
        const chosen = anyListener();
        if (chosen) await deleteListener(chosen);
        return chosen && `deletes ${chosen.found.arn} by hand`;
      },
    },
    {
      weight: 2,
      async act() {
        const chosen = anyGroup();
        if (!chosen) return undefined;
        const { found, port } = chosen;
        onTouched(port);
        for (const { arn } of found.listeners) await world.person('DeleteListener', { ListenerArn: arn });
        const { status } = await world.person('DeleteTargetGroup', { TargetGroupArn: found.arn });
        return `deletes ${found.arn} by hand (${status})`;
      },
    },
    {
      weight: 2,
      async act() {
        const chosen = anyOwn([...aws().targetGroups.values()].filter(({ targets }) => targets.size > 0));
        if (!chosen) return undefined;
        const { found, port } = chosen;
        onTouched(port);
        const target = draw.oneOf([...found.targets.values()]);
        const Targets = [{ Id: target.id, Port: target.port }];
        await world.person('DeregisterTargets', { TargetGroupArn: found.arn, Targets });
        return `takes ${target.id} out of ${found.arn} by hand`;
      },
    },
    {
      weight: 2,
      async act() {
        const chosen = anyGroup();
        if (!chosen) return undefined;
        onTouched(chosen.port);
        const Targets = [{ Id: stranger, Port: 7777 }];
        await world.person('RegisterTargets', { TargetGroupArn: chosen.found.arn, Targets });
        return `registers ${stranger} with ${chosen.found.arn} by hand`;
      },
    },
    {
      weight: 2,
      async act() {
        const chosen = anyGroup();
        if (!chosen) return undefined;
        const TargetGroupArn = chosen.found.arn;
        onTouched(chosen.port);
        if (draw.chance(0.5)) {
          await world.person('ModifyTargetGroup', { TargetGroupArn, HealthCheckIntervalSeconds: '300' });
          return `changes the health check of ${TargetGroupArn} by hand`;
        }
        const Attributes = [{ Key: 'load_balancing.cross_zone.enabled', Value: 'false' }];
        await world.person('ModifyTargetGroupAttributes', { TargetGroupArn, Attributes });
        return `changes an attribute of ${TargetGroupArn} by hand`;
      },
    },
    {
      weight: 1,
      async act() {
        const chosen = anyListener();
        const other =
          chosen && anyOwn([...aws().targetGroups.values()].filter(group => sameProtocol(group, chosen.found)));
        if (!chosen || !other) return undefined;
        onTouched(chosen.port);
        onTouched(other.port);
        const DefaultActions = [{ Type: 'forward', TargetGroupArn: other.found.arn }];
        const { status } = await world.person('ModifyListener', { ListenerArn: chosen.found.arn, DefaultActions });
        return `points ${chosen.found.arn} at ${other.found.arn} by hand (${status})`;
      },
    },
    {
      weight: 1,
      async act() {
        const chosen = anyListener();
        if (!chosen) return undefined;
        const { port, loadBalancer } = chosen.found;
        await deleteListener(chosen);
        const place = { name: `taker-${++taken}`, loadBalancerArn: loadBalancer.arn, port };
        const made = await makeForeignListener(world, place);
        onTaken(made);
        return `takes port ${port} of ${loadBalancer.arn} by hand (${made.status})`;
      },
    },
    {
      weight: 2,
      async act() {
        const ports = await world.ports();
        if (ports.length === 0) return undefined;
        const { name } = draw.oneOf(ports).metadata;
        onTouched(name);
        await kube.delete(nlbPorts, { name });
        return `deletes ${name} by hand`;
      },
    },
    {
      weight: 1,
      async act() {
        const ports = (await world.ports()).filter(({ spec }) => spec.claim === undefined);
        if (ports.length === 0) return undefined;
        const { name } = draw.oneOf(ports).metadata;
        onTouched(name);
        await kube.delete(nlbPorts, { name });
        await kube.patch(nlbPorts, { name }, { type: 'merge', body: { metadata: { finalizers: null } } });
        return `deletes ${name} with its finalizer by hand`;
      },
    },
  ];
  return { acts };
}

function sameProtocol(group: TargetGroup, listener: Listener): boolean {
  return group.protocol === listener.protocol;
}
