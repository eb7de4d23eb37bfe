/** Traffic that has to be let through by one side of a security group, or of several on one thing. */
export interface Opening {
  direction: 'ingress' | 'egress';
  /** The groups that are on the thing; a rule of any of them does. */
  groups: readonly string[];
  protocol: 'tcp' | 'udp';
  from: number;
  to: number;
  /** The group at the other end, where it has one. */
  peerGroups: readonly string[];
  /** Addresses at the other end: where rules admit all of them, that does as well. */
  peerCidrs: readonly string[];
  /** What would be missing, for people. */
  why: string;
}

/** What the check knows of a load balancer. */
export interface CheckedLoadBalancer {
  arn: string;
  name: string;
  groups: readonly string[];
  subnetCidrs: readonly string[];
}

export interface CheckedPool {
  name: string;
  protocol: 'TCP' | 'UDP' | 'TCP_UDP';
  ports: { min: number; max: number };
  preserveClientIP: boolean;
  /** A number, or the game's own port. */
  healthPort: number | 'traffic-port';
}

export interface CheckQuestion {
  pool: CheckedPool;
  loadBalancers: readonly CheckedLoadBalancer[];
  /** On the pods. */
  podGroups: readonly string[];
  /** On which pods listen. */
  gamePorts: readonly number[];
  /** From where players come. */
  players: readonly string[];
}

/**
 * All that has to be open for the pool, by the table in docs/install.md: players to the load balancer where it has a
 * group, the load balancer to the pods, and its health checks. Whose address a pod's group judges is what AWS says under
 * "Client IP preservation": the player's for UDP and TCP_UDP, and for TCP where the pool asks for it.
 */
export function openingsFor({ pool, loadBalancers, podGroups, gamePorts, players }: CheckQuestion): Opening[] {
  const protocols = protocolsOf(pool.protocol);
  const healthPorts = pool.healthPort === 'traffic-port' ? gamePorts : [pool.healthPort];
  const keepsPlayers = pool.protocol !== 'TCP' || pool.preserveClientIP;
  return loadBalancers.flatMap(({ name, groups, subnetCidrs }) => {
    const comingIn = protocols.map(
      (protocol): Opening => ({
        ...{ direction: 'ingress', groups, protocol, from: pool.ports.min, to: pool.ports.max },
        ...{ peerGroups: [], peerCidrs: players, why: `players to ${name}` },
      }),
    );
    const peers = { peerGroups: groups, peerCidrs: keepsPlayers ? players : subnetCidrs };
    const game = gamePorts.flatMap(port =>
      protocols.map(protocol => ({ protocol, from: port, to: port, ...peers, why: `traffic of ${name} to the pods` })),
    );
    const health = healthPorts.map(port => ({
      ...{ protocol: 'tcp' as const, from: port, to: port, peerGroups: groups, peerCidrs: subnetCidrs },
      why: `health checks of ${name}`,
    }));
    const toPods = [...game, ...health];
    return [
      ...(groups.length > 0 ? comingIn : []),
      ...(groups.length > 0
        ? toPods.map(
            (opening): Opening => ({
              ...opening,
              direction: 'egress',
              groups,
              peerGroups: podGroups,
              peerCidrs: subnetCidrs,
            }),
          )
        : []),
      ...toPods.map((opening): Opening => ({ ...opening, direction: 'ingress', groups: podGroups })),
    ];
  });
}

function protocolsOf(protocol: CheckedPool['protocol']): ('tcp' | 'udp')[] {
  if (protocol === 'TCP_UDP') return ['tcp', 'udp'];
  return protocol === 'TCP' ? ['tcp'] : ['udp'];
}
