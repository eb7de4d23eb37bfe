import type { Action, Context } from '../context.ts';
import { readMarker } from '../lookup.ts';
import type { XmlObject } from '../xml.ts';

/** The one action that tells an account's quotas. */
export const accountLimitActions: Record<string, Action> = {
  DescribeAccountLimits: { bucket: 'describe', resources: () => ['*'], run: describe },
};

function describe({ input, settings }: Context): XmlObject {
  const limits: [string, number][] = [
    ['application-load-balancers', settings['load-balancers']],
    ['listeners-per-application-load-balancer', 50],
    ['listeners-per-network-load-balancer', settings['listeners-per-load-balancer']],
    ['network-load-balancers', settings['load-balancers']],
    ['target-groups', settings['target-groups']],
    ['target-groups-per-application-load-balancer', 100],
    ['target-id-registrations-per-application-load-balancer', settings['registrations-per-target-id']],
    ['targets-per-application-load-balancer', 1000],
    ['targets-per-availability-zone-per-network-load-balancer', settings['targets-per-load-balancer-cross-zone']],
    ['targets-per-network-load-balancer', settings['targets-per-load-balancer']],
  ];
  const size = input.integer('PageSize', { min: 1, max: 400 }) ?? 400;
  const start = readMarker(input.text('Marker'));
  const end = start + size;
  return {
    Limits: limits.slice(start, end).map(([Name, max]) => ({ Name, Max: String(max) })),
    NextMarker: end < limits.length ? Buffer.from(`after:${end}`).toString('base64url') : undefined,
  };
}
