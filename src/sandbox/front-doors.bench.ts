import { Agent, request } from 'undici';
import { systemClock } from '../runtime/clock.ts';
import { silentLog } from '../runtime/log.ts';
import { systemRandom } from '../runtime/random.ts';
import { startAwsSandbox } from './aws-sandbox.ts';
import { createCluster } from './cluster/cluster.ts';
import { profileSettings } from './elbv2/settings.ts';
import { signatureHeaders } from './elbv2/test-client.ts';
import { virtualNetwork } from './virtual-network.ts';

/** Calls per second of both APIs over HTTP, 16 at a time, client and server in this one process. */
const seconds = 4;
const clock = systemClock();
const deps = { clock, random: systemRandom(), log: silentLog() };
const aws = await startAwsSandbox(
  { ...deps, network: virtualNetwork({ clock }) },
  { port: 0, settings: profileSettings('instant') },
);
const cluster = createCluster(deps);
const kubernetes = await cluster.serve();
const dispatcher = new Agent({ connections: 16 });

async function measure(name: string, call: (n: number) => Parameters<typeof request>): Promise<void> {
  const startedMs = clock.monotonicMs();
  let calls = 0;
  const lane = async () => {
    while (clock.monotonicMs() < startedMs + seconds * 1_000) {
      const [url, options] = call(calls++);
      const { statusCode, body } = await request(url, { ...options, dispatcher });
      await body.dump();
      if (statusCode >= 300) throw new Error(`${name} answered ${statusCode}`);
    }
  };
  await Promise.all(Array.from({ length: 16 }, lane));
  console.log(`${name}: ${Math.round((calls * 1_000) / (clock.monotonicMs() - startedMs))} a second`);
}

const elb = (body: string): Parameters<typeof request> => [
  aws.url,
  { method: 'POST', headers: signatureHeaders(clock.nowMs()), body: `Version=2015-12-01&${body}` },
];
const maps = `${kubernetes.url}/api/v1/namespaces/default/configmaps`;
const json = { 'content-type': 'application/json' };
const group = 'Protocol=TCP&Port=1&VpcId=vpc-1&TargetType=ip';
await measure('ELBv2, CreateTargetGroup of what exists', n =>
  elb(`Action=CreateTargetGroup&Name=g-${n % 50}&${group}`),
);
await measure('ELBv2, DescribeTargetGroups by name', n =>
  elb(`Action=DescribeTargetGroups&Names.member.1=g-${n % 16}`),
);
await measure('Kubernetes, create', n => [
  maps,
  { method: 'POST', headers: json, body: JSON.stringify({ metadata: { name: `m-${n}` }, data: { a: 'b' } }) },
]);
await measure('Kubernetes, get', n => [`${maps}/m-${n % 100}`, { method: 'GET' }]);
await measure('Kubernetes, merge patch', n => [
  `${maps}/m-${n % 100}`,
  {
    method: 'PATCH',
    headers: { 'content-type': 'application/merge-patch+json' },
    body: JSON.stringify({ data: { a: String(n) } }),
  },
]);
await dispatcher.close();
await kubernetes.close();
await cluster.stop();
await aws.close();
