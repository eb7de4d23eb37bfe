import type { World } from '../world.ts';

/** Where somebody wants to listen, and what they call their target group. */
export interface ForeignPlace {
  name: string;
  loadBalancerArn: string;
  port: number;
}

/** A listener that is not the operator's, and the target group behind it. */
export interface ForeignListener {
  /** Empty where AWS refused it, as someone listens there already: the target group is there nevertheless. */
  listenerArn: string;
  targetGroupArn: string;
  /** What AWS answered to the making of the listener. */
  status: number;
}

/** Makes a target group and a listener for UDP as somebody does who has nothing to do with the operator. */
export async function makeForeignListener(
  { person }: Pick<World, 'person'>,
  { name, loadBalancerArn, port }: ForeignPlace,
): Promise<ForeignListener> {
  const group = await person('CreateTargetGroup', {
    Name: name,
    Protocol: 'UDP',
    Port: port,
    VpcId: 'vpc-1',
    TargetType: 'ip',
  });
  const targetGroupArn = group.text('TargetGroupArn') ?? '';
  const made = await person('CreateListener', {
    LoadBalancerArn: loadBalancerArn,
    Port: port,
    Protocol: 'UDP',
    DefaultActions: [{ Type: 'forward', TargetGroupArn: targetGroupArn }],
  });
  return { listenerArn: made.text('ListenerArn') ?? '', targetGroupArn, status: made.status };
}
