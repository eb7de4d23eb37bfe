import type { KnownTarget, NLBPort } from '../api/port.ts';
import type { Step } from '../core/lifecycle.ts';
import type { Informer } from '../kube/informer.ts';

/** What this process has written down of what AWS is about to be asked. */
export interface Announcements {
  add(port: NLBPort): void;
  /** The step itself, or to write down once more what another process has announced. */
  before(port: NLBPort, step: Step): Step;
}

/**
 * What another process has written down may have been taken back long ago, and a standby whose watch stood still not know
 * of it; its object may even be another one. The new leader writes it down once more, which only the newest object lets it do.
 */
export function createAnnouncements(ports: Informer<NLBPort>): Announcements {
  const own = new Map<string, ReturnType<typeof announced>>();
  const announced = ({ status }: NLBPort) => {
    const inState = (wanted: KnownTarget['state']) =>
      (status?.targets ?? []).filter(({ state }) => state === wanted).map(entry => JSON.stringify(entry));
    return {
      creating: status?.creating,
      registering: inState('Registering'),
      deregistering: inState('Deregistering'),
    };
  };
  // What AWS has carried out a part of stands there no more.
  const isPart = (now: readonly string[], here: readonly string[] = []) => {
    const known = new Set(here);
    return now.every(entry => known.has(entry));
  };
  ports.onChange(({ key, object }) => {
    if (!object) own.delete(key);
  });
  return {
    add: port => void own.set(port.metadata.name, announced(port)),
    before(port, step) {
      const [here, now] = [own.get(port.metadata.name), announced(port)];
      const makes = step.do === 'createTargetGroup' || step.do === 'createListener';
      if (makes && here?.creating !== now.creating) return { do: 'announceResources' };
      if (step.do === 'registerTargets' && !isPart(now.registering, here?.registering))
        return { do: 'announceTargets', targets: step.targets };
      if (step.do === 'deregisterTargets' && !isPart(now.deregistering, here?.deregistering))
        return { do: 'announceDeparture', targets: step.targets };
      return step;
    },
  };
}
