import { z } from 'zod';
import type { KubeObject } from '../kube/objects.ts';
import type { Resource } from '../kube/resource.ts';
import { conditions, duration, immutable, portNumber, rules, wholeSeconds } from './schema.ts';

const loadBalancerChoice = z
  .object({
    arn: z.string().max(2048).optional().describe('ARN of one load balancer. Its existing listeners are left alone.'),
    tags: z
      .record(z.string(), z.string().max(256))
      .optional()
      .describe('Every Network Load Balancer of the account and region that has all these tags.')
      .meta({ minProperties: 1, maxProperties: 50 }),
    hostname: z
      .string()
      .regex(/^[A-Za-z0-9]+([-.]+[A-Za-z0-9]+)*$/)
      .max(253)
      .optional()
      .describe("Published in place of the load balancer's own DNS name. Needs arn."),
  })
  .meta(
    rules(
      { rule: 'has(self.arn) != has(self.tags)', message: 'exactly one of arn and tags must be set' },
      {
        rule: '!has(self.hostname) || has(self.arn)',
        message: 'hostname needs arn: one name can not serve several load balancers',
      },
    ),
  );

const healthCheck = z
  .object({
    protocol: z
      .enum(['TCP', 'HTTP', 'HTTPS'])
      .default('TCP')
      .describe('How a target is checked; AWS has no UDP check.'),
    port: z
      .union([z.int(), z.string()])
      .default('traffic-port')
      .describe('The port that is checked: a number, or traffic-port for the port that the game listens on.')
      .meta({
        'x-kubernetes-int-or-string': true,
        ...rules({
          rule: "type(self) == int ? self >= 1 && self <= 65535 : self == 'traffic-port'",
          message: 'port must be traffic-port or a number from 1 to 65535',
        }),
      }),
    path: z.string().max(1024).optional().describe('Path of HTTP and HTTPS checks; / unless set.'),
    interval: wholeSeconds
      .default('10s')
      .describe('Time between checks, 5s to 300s.')
      .meta(
        rules({
          rule: "duration(self) >= duration('5s') && duration(self) <= duration('300s')",
          message: 'interval must be 5s to 300s',
        }),
      ),
    healthyThreshold: z.int().min(2).max(10).default(2).describe('Good checks in a row that make a target healthy.'),
  })
  .meta(rules({ rule: "!has(self.path) || self.protocol != 'TCP'", message: 'path needs protocol HTTP or HTTPS' }));

/** The families that addresses have, and target groups: one each. */
export const ipFamilies = ['IPv4', 'IPv6'] as const;

const targets = z.object({
  deregistrationDelay: wholeSeconds
    .default('30s')
    .describe('How long AWS drains a target before it ends its connections, 0s to 3600s.')
    .meta(rules({ rule: "duration(self) <= duration('3600s')", message: 'deregistrationDelay must be at most 3600s' })),
  preserveClientIP: z
    .boolean()
    .default(false)
    .describe("TCP: whether the pod sees the player's address. AWS forces it on for UDP and TCP_UDP."),
  ipFamily: z
    .enum(ipFamilies)
    .default('IPv4')
    .describe(
      'The addresses that target groups are made for ahead, and which of the two of a dual-stack pod or Service is sent to. One with addresses of the other family alone gets a target group of that; IPv6 needs a dualstack load balancer.',
    ),
  proxyProtocolV2: z
    .boolean()
    .default(false)
    .describe('TCP only: whether connections begin with a proxy protocol header.'),
});

const releaseOn = z.enum(['Ended', 'Terminating']);

const release = z.object({
  on: releaseOn
    .optional()
    .describe(
      'Ended (the default): the port is released when the pod has ended. Terminating: as soon as its deletion was asked for. Quote the name in YAML: "on".',
    ),
  true: releaseOn.optional().describe('What kubectl makes of an unquoted on; it means the same.'),
  quarantine: duration
    .default('5m')
    .describe(
      'How long a released port rests before anyone else may have it; the load balancer and clients lag by minutes.',
    ),
  retain: duration
    .default('0s')
    .describe(
      'How long a released port is kept, counted from when its pod object is gone, for a pod made again under the same namespace and name, as those of a StatefulSet are: it gets the same endpoint, without a quarantine. Others get it when both quarantine and retain are over.',
    ),
});

const probeText = z.string().min(1).max(1024);

const probe = z
  .object({
    send: probeText.describe('What is sent.'),
    expect: probeText.describe('What the answer has to contain.'),
    encoding: z
      .enum(['Text', 'Hex'])
      .default('Text')
      .describe('How send and expect are written: as text, or as hexadecimal digits.'),
    protocol: z
      .enum(['TCP', 'UDP'])
      .optional()
      .describe("By which protocol. Unless set: the pool's; where it has both, an answer by either is enough."),
  })
  .meta(
    rules({
      rule: "self.encoding != 'Hex' || (self.send.matches('^([0-9a-fA-F]{2})+$') && self.expect.matches('^([0-9a-fA-F]{2})+$'))",
      message: 'with encoding Hex, send and expect must be pairs of hexadecimal digits',
    }),
  );

const readiness = z.object({
  settle: duration
    .default('30s')
    .describe(
      'How long the target of a pod has to be healthy before the pod counts as ready: a load balancer calls a target healthy before all of its nodes send traffic to it.',
    ),
  probe: probe
    .optional()
    .describe(
      'What the operator sends to a pod through every address of the load balancer: the pod counts as ready only when the expected answer came through all of them. Not through an internal load balancer that keeps the address of clients. For pods alone, not for Services.',
    ),
});

const access = z.object({
  namespaces: z
    .array(
      z
        .string()
        .regex(/^[a-z0-9*]+(-+[a-z0-9*]+)*$/)
        .max(63),
    )
    .min(1)
    .max(256)
    .describe('Namespaces whose pods may claim ports; * stands for any run of characters, so "*" admits all.')
    .meta({ 'x-kubernetes-list-type': 'set' }),
  quotaPerNamespace: z
    .int()
    .min(1)
    .max(2500)
    .optional()
    .describe('How many ports the claims of one namespace may hold at a time; as many as there are unless set.'),
  hostNetwork: z.boolean().default(false).describe('Whether pods on the host network may claim ports.'),
  selectorlessServices: z
    .boolean()
    .default(false)
    .describe(
      'Whether endpoints that people write by hand may be targets. Each must have the address of the live pod in its targetRef.',
    ),
});

export const poolSpec = z
  .object({
    loadBalancers: z
      .array(loadBalancerChoice)
      .min(1)
      .max(50)
      .describe('The load balancers whose ports this pool hands out, filled in this order.')
      .meta({ 'x-kubernetes-list-type': 'atomic' }),
    ports: z
      .object({ min: portNumber.describe('The lowest number.'), max: portNumber.describe('The highest number.') })
      .describe('The port numbers on each load balancer. AWS allows 50 listeners on one; lower numbers are used first.')
      .meta(rules({ rule: 'self.min <= self.max', message: 'min must not be greater than max' })),
    reservedPorts: z
      .array(portNumber)
      .max(1000)
      .optional()
      .describe('Numbers that only claims get which ask for them by number. They are not kept warm.')
      .meta({ 'x-kubernetes-list-type': 'set' }),
    protocol: z.enum(['TCP', 'UDP', 'TCP_UDP']).describe('The protocol of the listeners.').meta(immutable('protocol')),
    warm: z
      .int()
      .min(0)
      .max(2500)
      .default(0)
      .describe(
        'How many free ports are kept ready (listener and target group made), so that a bind is a single AWS call.',
      ),
    healthCheck: healthCheck.prefault({}).describe('How AWS checks the targets.'),
    targets: targets.prefault({}).describe('Attributes of the target groups.'),
    release: release.prefault({}).describe('When and how a port comes back.'),
    readiness: readiness.prefault({}).describe('When a pod that holds a port is ready.'),
    access: access.describe('Who may claim ports.'),
    default: z
      .boolean()
      .optional()
      .describe(
        'Whether Services of type LoadBalancer with class nlbports.dev/nlb that name no pool ask this one. For one pool only.',
      ),
    tags: z
      .record(z.string(), z.string().max(256))
      .optional()
      .describe(
        'AWS tags put on every target group and listener. Names that begin with nlbports.dev/ or aws: are refused.',
      )
      .meta({
        maxProperties: 40,
        ...rules({
          rule: "self.all(name, !name.startsWith('nlbports.dev/') && !name.startsWith('aws:') && name.matches('^[a-zA-Z0-9 _.:/=+@-]{1,128}$'))",
          message:
            'tag names must be at most 128 letters, digits, spaces or _.:/=+-@, and not begin with nlbports.dev/ or aws:',
        }),
      }),
  })
  .meta(
    rules(
      {
        rule: "self.protocol == 'TCP' || !self.targets.proxyProtocolV2",
        message: 'proxyProtocolV2 needs protocol TCP',
      },
      {
        rule: "!has(self.readiness.probe) || !has(self.readiness.probe.protocol) || self.protocol == 'TCP_UDP' || self.readiness.probe.protocol == self.protocol",
        message: "the probe's protocol must be one of the pool's",
      },
    ),
  );

const loadBalancerStatus = z.object({
  arn: z.string(),
  name: z.string(),
  dnsName: z.string(),
  hostname: z.string().describe('What is published: the hostname of the spec, else the DNS name.'),
  vpcId: z.string(),
  scheme: z.string().optional().describe('AWS: internet-facing or internal.'),
  state: z.string().describe('AWS: provisioning, active, active_impaired or failed.'),
  capacity: z.int().describe('Ports that this pool can use here.'),
  foreignPorts: z.array(z.int()).describe('Port numbers of the pool on which someone else has a listener.'),
  ipv6: z
    .boolean()
    .optional()
    .describe(
      'Whether it can send to IPv6 addresses: it is dualstack, and for UDP has EnablePrefixForIpv6SourceNat on.',
    ),
  missing: z.int().optional().describe('Complete listings in a row in which the load balancer was absent.'),
});

export const poolStatus = z.object({
  observedGeneration: z.int().optional(),
  conditions,
  loadBalancers: z
    .array(loadBalancerStatus)
    .max(250)
    .optional()
    .describe('The load balancers that were found.')
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['arn'] }),
  ports: z
    .object({
      total: z.int(),
      free: z.int().describe('Ports that any claim could have now; those that are reserved are not among them.'),
      warm: z.int().describe('Free ports that are ready.'),
      bound: z.int(),
      resting: z.int().describe('Released ports that are drained, in quarantine, or kept for a namesake.'),
      conflict: z.int(),
    })
    .optional()
    .describe('How many ports are in which state.'),
  waiting: z.int().optional().describe('Claims that wait for a port.'),
});

/** When a claim of the pool ends; see `release.on`. */
export function releasesOn(spec: PoolSpec): 'Ended' | 'Terminating' {
  return spec.release.on ?? spec.release.true ?? 'Ended';
}

export type IpFamily = (typeof ipFamilies)[number];
export type PoolSpec = z.output<typeof poolSpec>;
export type PoolStatus = z.output<typeof poolStatus>;
export type LoadBalancerStatus = z.output<typeof loadBalancerStatus>;

/** Which load balancers, which ports, which protocol, how many kept warm, how released, who may use it. */
export interface NLBPortPool extends KubeObject {
  spec: PoolSpec;
  status?: PoolStatus;
}

export const nlbPortPools: Resource<NLBPortPool> = {
  apiVersion: 'nlbports.dev/v1alpha1',
  kind: 'NLBPortPool',
  plural: 'nlbportpools',
  namespaced: false,
};
