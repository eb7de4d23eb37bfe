import { nlbPortPools } from '../../../api/pool.ts';
import { sleep } from '../../../runtime/clock.ts';
import type { Chapter } from '../story.ts';
import type { StorySize } from '../story-size.ts';
import { burstRooms } from './burst.ts';

const checks = {
  gone: 'the ended burst leaves no port behind',
  aws: 'the ended burst leaves nothing behind in AWS',
};

/** Everything that was made for the burst goes. */
export const tidy = (size: StorySize): Chapter => ({
  title: 'The burst is over',
  text: 'All its pods and its pool are deleted. The pool goes when its last port is free, and takes listeners and target groups along.',
  checks: Object.values(checks),
  async play(stage, check) {
    const { view, kube, aws } = stage.sandbox;
    await stage.removeRooms(burstRooms(size));
    await kube.delete(nlbPortPools, { name: 'burst' });
    await stage.wait(
      'the pool to go',
      () => (view.pool('burst') === undefined && view.ports('burst').length === 0 ? true : undefined),
      () => `${view.ports('burst').length} ports are left`,
    );
    check(checks.gone, true, 'pool and ports are gone');
    const wanted = view.ports('game').filter(({ status }) => status?.targetGroupArn !== undefined).length;
    let found = await aws.targetGroups();
    for (let tries = 0; found.length !== wanted && tries < 10; tries++) {
      await sleep(stage.clock, 200);
      found = await aws.targetGroups();
    }
    check(
      checks.aws,
      found.length === wanted,
      `${found.length} target groups are left, of the ${wanted} rooms that still play`,
    );
  },
});
