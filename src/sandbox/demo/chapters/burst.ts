import { findCondition } from '../../../api/conditions.ts';
import type { Chapter } from '../story.ts';
import type { StorySize } from '../story-size.ts';
import { eachAnswersItself, shown } from './answers.ts';

/** Rooms that come, one more than there are ports. */
export function burstRooms({ burstPorts }: StorySize): string[] {
  return Array.from({ length: 2 * burstPorts + 1 }, (_, index) => `burst-${String(index + 1).padStart(3, '0')}`);
}

/** More rooms than ports, all at once. */
export function burst(size: StorySize): Chapter {
  const { burstPorts, burstQuarantine } = size;
  const names = burstRooms(size);
  const count = 2 * burstPorts;
  const checks = {
    distinct: `${count} of ${names.length} rooms get ${count} distinct ports on two load balancers`,
    waits: 'the last room waits, and is told why',
    udp: `each of the ${count} answers by UDP on its port`,
    tcp: `each of the ${count} answers by TCP on its port`,
    served: 'the last room is served when a room ends',
  };
  return {
    title: `A burst of ${names.length} rooms over two load balancers`,
    text: `AWS allows 50 listeners on a load balancer, so two have at most 100 ports. Nothing is warm: each room takes four calls to AWS.`,
    checks: Object.values(checks),
    async play(stage, check) {
      const { view, kubelet } = stage.sandbox;
      await stage.pool({
        name: 'burst',
        loadBalancers: [await stage.loadBalancer('burst-1'), await stage.loadBalancer('burst-2')],
        ports: { min: 30000, max: 30000 + burstPorts - 1 },
        protocol: 'TCP_UDP',
        quarantine: burstQuarantine,
      });
      await stage.rooms(names, 'burst');
      const isServed = (name: string) => stage.stateOf(name).startsWith('Healthy');
      const served = await stage.wait(
        `${count} of ${names.length} rooms to be healthy`,
        () => {
          const found = names.filter(isServed);
          return found.length >= count ? found : undefined;
        },
        () => `${names.filter(isServed).length} are`,
      );
      const endpoints = served.map(name => stage.endpointOf(name)!);
      const distinct = new Set(endpoints.map(shown));
      const hosts = new Set(endpoints.map(({ host }) => host));
      check(
        checks.distinct,
        served.length === count && distinct.size === count && hosts.size === 2,
        `${served.length} rooms, ${distinct.size} ports on ${[...hosts].join(' and ')}`,
      );

      const last = names.find(name => !served.includes(name))!;
      const poolSays = () => findCondition(view.pool('burst')?.status?.conditions, 'CapacityAvailable');
      await stage.wait(`${last} to be told why it waits`, () =>
        stage.stateOf(last).startsWith('PoolFull') && poolSays()?.status === 'False' ? true : undefined,
      );
      check(
        checks.waits,
        stage.endpointOf(last) === undefined,
        `${last}: ${stage.stateOf(last)}. Pool: ${poolSays()?.message}`,
      );

      for (const transport of ['UDP', 'TCP'] as const) {
        const { ok, detail } = await eachAnswersItself(stage, transport, served, endpoints);
        check(transport === 'UDP' ? checks.udp : checks.tcp, ok, detail);
      }

      const [first] = served;
      const freed = stage.endpointOf(first!)!;
      await kubelet.finish('default', first!, 'Succeeded');
      stage.note(`${first} has ended: ${shown(freed)} is drained, rests for ${burstQuarantine}, and is free again`);
      const [endpoint] = await stage.ready([last]);
      const udp = await eachAnswersItself(stage, 'UDP', [last], [endpoint!]);
      const tcp = await eachAnswersItself(stage, 'TCP', [last], [endpoint!]);
      check(
        checks.served,
        shown(endpoint!) === shown(freed) && udp.ok && tcp.ok,
        `${udp.detail} by UDP; ${tcp.detail} by TCP`,
      );
    },
  };
}
