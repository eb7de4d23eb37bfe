import type { Chapter } from '../story.ts';
import type { StorySize } from '../story-size.ts';
import { eachAnswersItself, shown } from './answers.ts';

const checks = {
  ports: 'three rooms get 30000, 30001 and 30002',
  udp: 'each of the three answers by UDP on its port',
  tcp: 'each of the three answers by TCP on its port',
};

/** Three rooms made together, on a pool that has just three ports, so that the next room will have to wait. */
export const threeRooms = ({ quarantine }: StorySize): Chapter => ({
  title: 'Three rooms get three ports',
  text: 'One load balancer; a pool of three ports, each for UDP and TCP; three pods with the label nlbports.dev/pool: game.',
  checks: Object.values(checks),
  async play(stage, check) {
    const loadBalancer = await stage.loadBalancer('game-1');
    stage.note(`Load balancer game-1 has the address ${loadBalancer.address}`);
    await stage.pool({
      name: 'game',
      loadBalancers: [loadBalancer],
      ports: { min: 30000, max: 30002 },
      protocol: 'TCP_UDP',
      quarantine,
    });
    const names = ['room-1', 'room-2', 'room-3'];
    await stage.rooms(names, 'game');
    const endpoints = await stage.endpoints(names);
    const got = endpoints.map(({ port }) => port).join();
    const detail = endpoints.map((endpoint, index) => `${names[index]} ${shown(endpoint)}`).join(', ');
    check(checks.ports, got === '30000,30001,30002', detail);
    await stage.ready(names);
    for (const transport of ['UDP', 'TCP'] as const) {
      const { ok, detail } = await eachAnswersItself(stage, transport, names, endpoints);
      check(transport === 'UDP' ? checks.udp : checks.tcp, ok, detail);
    }
  },
});
