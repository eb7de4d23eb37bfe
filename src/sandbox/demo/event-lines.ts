import type { Paint } from './paint.ts';
import { pictureLines } from './picture.ts';
import type { StoryEvent, Ways } from './story-event.ts';

/** What stays on the screen of an event, as lines; none for those that are shown in passing. */
export function eventLines(event: StoryEvent, paint: Paint): string[] {
  switch (event.type) {
    case 'ready':
      return [
        paint.strong('nlbports sandbox: a simulated Kubernetes, an emulated AWS, the operator, and real bytes'),
        `  Kubernetes ${event.kubernetes.url}, AWS ${event.aws.endpoint} (profile ${event.profile})`,
      ];
    case 'chapter':
      return [
        '',
        paint.strong(`${event.number}/${event.of} ${event.title}`),
        ...wrap(event.text, 100).map(line => `  ${paint.quiet(line)}`),
      ];
    case 'note':
      return wrap(event.text, 100).map(line => `  ${line}`);
    case 'check':
      if (event.notMade) return [];
      return [
        `  ${event.ok ? paint.good('ok    ') : paint.bad('FAILED')} ${event.name}`,
        ...wrap(event.detail, 100).map(line => `         ${paint.quiet(line)}`),
      ];
    case 'picture':
      return event.rooms.length === 0 ? [] : ['', ...pictureLines(event.rooms, paint)];
    case 'summary':
      return ['', ...summaryLines(event, paint)];
    case 'staying':
      return stayingLines(event, paint);
    case 'room':
    case 'progress':
      return [];
  }
}

function summaryLines(event: Extract<StoryEvent, { type: 'summary' }>, paint: Paint): string[] {
  const took = `${event.seconds.toFixed(1)} s`;
  if (event.ok) return [paint.good(`All ${event.checks} checks held, in ${took}.`)];
  const made = event.failed.slice(0, event.failed.length - event.notMade);
  return [
    paint.bad(`${made.length} of ${event.checks} checks failed, in ${took}:`),
    ...made.map(name => `  ${name}`),
    ...(event.notMade > 0 ? [`${event.notMade} more that build on them were not made.`] : []),
  ];
}

function stayingLines(event: { pools: string[]; example: string | null } & Ways, paint: Paint): string[] {
  const { pools, example, kubernetes, aws, operator } = event;
  const [host = 'HOST', port = 'PORT'] = example?.split(':') ?? [];
  return [
    '',
    paint.strong(`The sandbox stays until Ctrl-C. Pools with free ports: ${pools.join(', ')}.`),
    '  With kubectl:',
    `    export KUBECONFIG=${kubernetes.kubeconfig}`,
    '    kubectl get nlbports,nlbpool,pods',
    '    kubectl run my-room --image=any --labels=nlbports.dev/pool=game --annotations=nlbports.dev/ports=7777/UDP',
    '    kubectl get nlbports -w',
    '  With the AWS CLI:',
    `    export AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2=${aws.endpoint}`,
    `    export AWS_REGION=${aws.region} AWS_DEFAULT_REGION=${aws.region} AWS_ACCESS_KEY_ID=sandbox AWS_SECRET_ACCESS_KEY=sandbox`,
    '    aws elbv2 describe-load-balancers',
    ...(operator ? ['  With a Prometheus, or:', `    curl -s ${operator.url}/metrics`] : []),
    '  With a game client, here a shell (host and port are in the column ENDPOINT):',
    `    echo hello | nc -u -w1 ${host} ${port}`,
    `    timeout 1 bash -c 'exec 3<>/dev/udp/${host}/${port}; echo hello >&3; cat <&3'`,
    '',
  ];
}

/** Words in lines of at most `width` characters, where no word is longer. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
