import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sleep } from '../runtime/clock.ts';
import { silentLog } from '../runtime/log.ts';
import { seededRandom } from '../runtime/random.ts';
import { virtualClock } from '../runtime/virtual-clock.ts';
import { AwsError, NotWanted } from './aws-error.ts';
import { createBudget } from './budget.ts';
import { createElbv2Api, type Elbv2ApiDeps, retryRules } from './create-elbv2-api.ts';
import { unlimitedBudget } from './documented-budget.ts';
import type { RequestHandler } from './elbv2-client.ts';
import { emulatedAws, inTime } from './emulated-aws.fixture.ts';

const bind = { priority: 'bind' } as const;
const noTargets = { TargetGroupArn: 'arn:x', Targets: [] };

type Answer = { status?: number; body?: string; headers?: Record<string, string> };
type SentRequest = { headers: Record<string, string>; body: string };

/** An API whose requests end in `answer`. */
function stubbedApi(answer: (request: SentRequest) => Answer | Promise<Answer>, overrides: Partial<Elbv2ApiDeps> = {}) {
  const clock = overrides.clock ?? virtualClock();
  const random = seededRandom(1);
  const log = silentLog();
  const sent: SentRequest[] = [];
  const handler = {
    async handle(request: SentRequest) {
      sent.push({ headers: { ...request.headers }, body: request.body });
      const { status = 200, body = tagsAnswer, headers = { 'x-amzn-requestid': 'request-1' } } = await answer(request);
      return { response: { statusCode: status, headers, body: Buffer.from(body) } };
    },
  };
  const api = createElbv2Api({
    clock,
    random,
    log,
    budget: createBudget({ clock, random, log }, unlimitedBudget),
    region: 'eu-west-1',
    credentials: { accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'secret' },
    requestHandler: handler as unknown as RequestHandler,
    ...overrides,
  });
  return { api, clock: clock as ReturnType<typeof virtualClock>, sent };
}

const tagsAnswer = `<DescribeTagsResponse xmlns="http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/">
<DescribeTagsResult><TagDescriptions/></DescribeTagsResult>
<ResponseMetadata><RequestId>request-1</RequestId></ResponseMetadata></DescribeTagsResponse>`;

const errorAnswer = (code: string, message: string) =>
  `<ErrorResponse xmlns="http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"><Error><Type>Sender</Type>
<Code>${code}</Code><Message>${message}</Message></Error><RequestId>request-in-body</RequestId></ErrorResponse>`;

test('call() looks a last time after signing, and sends in the same turn', async () => {
  const events: string[] = [];
  const { api } = stubbedApi(
    request => {
      events.push(request.headers.authorization ? 'sent, signed' : 'sent, not signed');
      return {};
    },
    {
      credentials: async () => {
        events.push('credentials');
        return { accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'secret' };
      },
    },
  );
  await api.call('DescribeTags', { ResourceArns: [] }, bind);
  events.length = 0;
  const stillWanted = () => {
    events.push('look');
    queueMicrotask(() => events.push('next turn'));
    return true;
  };
  await api.call('DescribeTags', { ResourceArns: [] }, { ...bind, stillWanted });
  assert.deepEqual(events.slice(0, 2), ['look', 'sent, signed']);
});

test('call() sends nothing that is not wanted any more after the wait for the budget, and pays nothing', async () => {
  const row = { burst: 2, perSecond: 0.1 };
  const aws = emulatedAws({ budget: { ...unlimitedBudget, register: row } });
  let leader = true;
  const first = aws.api.call('RegisterTargets', noTargets, bind).catch(error => error);
  const second = aws.api.call('RegisterTargets', noTargets, { ...bind, stillWanted: () => leader });
  const third = aws.api.call('RegisterTargets', noTargets, bind).catch(error => error);
  second.catch(() => {});
  await aws.clock.settle();
  leader = false;
  await inTime(aws.clock, Promise.all([first, third]), 12_000);
  await assert.rejects(second, NotWanted);
  assert.equal(aws.emulator.callLog.counts().calls, 2);
  assert.deepEqual(
    aws.attempts.map(attempt => attempt.errorCode),
    ['ValidationError', 'NotWanted', 'ValidationError'],
  );
});

test('call() sends nothing where the lease was lost while it was signed', async () => {
  let asked = 0;
  let leader = true;
  const { api, sent } = stubbedApi(() => ({}), {
    // Asked before the budget, and again by the signer: that is when the lease goes.
    credentials: async () => {
      asked += 1;
      if (asked > 1) leader = false;
      return { accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'secret', expiration: new Date(0) };
    },
  });
  await assert.rejects(api.call('RegisterTargets', noTargets, { ...bind, stillWanted: () => leader }), NotWanted);
  assert.ok(asked > 1);
  assert.equal(sent.length, 0);
});

test('call() signs with the clock that it was given', async () => {
  const clock = virtualClock(Date.UTC(2031, 4, 6, 7, 8, 9));
  const { api, sent } = stubbedApi(() => ({}), { clock });
  await api.call('DescribeTags', { ResourceArns: [] }, bind);
  assert.equal(sent[0]!.headers['x-amz-date'], '20310506T070809Z');
  assert.match(sent[0]!.headers.authorization!, /\/20310506\/eu-west-1\/elasticloadbalancing\/aws4_request/);
});

test('call() goes on signing with its own clock when the answers tell another time', async () => {
  const { api, sent } = stubbedApi(() => ({ headers: { date: 'Thu, 01 Jan 2037 00:00:00 GMT' } }));
  await api.call('DescribeTags', { ResourceArns: [] }, bind);
  await api.call('DescribeTags', { ResourceArns: [] }, bind);
  assert.equal(sent[1]!.headers['x-amz-date'], sent[0]!.headers['x-amz-date']);
});

test('call() makes the same bytes of the same call', async () => {
  const bytes = async () => {
    const { api, sent } = stubbedApi(() => ({}));
    await api.call('DescribeTags', { ResourceArns: ['arn:a'] }, bind);
    return JSON.stringify(sent);
  };
  assert.equal(await bytes(), await bytes());
});

test('a request that was held up for longer than a signature lives is refused and changes nothing', async () => {
  let held = false;
  const aws = emulatedAws({
    wrap: inner => ({
      async handle(request, options) {
        if (String(request.body).includes('RegisterTargets') && !held) {
          held = true;
          await sleep(aws.clock, 301_000);
          // The process went on and gave the call up; its bytes arrive all the same.
          return inner.handle(request, {});
        }
        return inner.handle(request, options);
      },
    }),
  });
  const registering = aws.api.call('RegisterTargets', noTargets, { ...bind, stillWanted: () => !held });
  await assert.rejects(inTime(aws.clock, registering), NotWanted);
  assert.equal(aws.emulator.callLog.counts().calls, 0);
  await aws.clock.advance(400_000);
  assert.equal(aws.emulator.callLog.count('RegisterTargets', 'SignatureDoesNotMatch'), 1);
});

test('call() gives an attempt up after its time, whatever the socket does, and repeats it a few times', async () => {
  const { api, clock, sent } = stubbedApi(() => new Promise(() => {}), { attemptTimeoutMs: 5000 });
  const startMs = clock.nowMs();
  const error: unknown = await inTime(
    clock,
    api.call('CreateListener', { LoadBalancerArn: 'arn:x', DefaultActions: [] }, bind),
  ).catch(thrown => thrown);
  assert.ok(error instanceof AwsError);
  assert.equal(error.kind, 'no-answer');
  assert.equal(error.errorCode, 'TimeoutError');
  assert.equal(sent.length, retryRules.attempts);
  const tookMs = clock.nowMs() - startMs;
  assert.ok(tookMs >= 15_000 && tookMs < 17_000, `took ${tookMs} ms`);
});

test('call() ends at once where its signal is aborted on the way', async () => {
  const { api, clock, sent } = stubbedApi(() => new Promise(() => {}));
  const abort = new AbortController();
  const calling = api.call('DescribeTags', { ResourceArns: [] }, { ...bind, signal: abort.signal });
  calling.catch(() => {});
  await clock.settle();
  assert.equal(sent.length, 1);
  abort.abort();
  await assert.rejects(calling, NotWanted);
  assert.equal(clock.pending, 0);
});

test('call() repeats what AWS answers with a fault of its own, and then surfaces code and request id', async () => {
  const aws = emulatedAws({ faults: [{ kind: 'error', times: retryRules.attempts - 1 }] });
  await inTime(aws.clock, aws.api.call('DescribeLoadBalancers', {}, bind));
  assert.deepEqual(
    aws.attempts.map(({ errorCode, httpStatus }) => [errorCode, httpStatus]),
    [
      ['InternalFailure', 500],
      ['InternalFailure', 500],
      ['none', 200],
    ],
  );
  aws.faults.set([{ kind: 'error', status: 503, code: 'ServiceUnavailable' }]);
  const error = await inTime(aws.clock, aws.api.call('DescribeLoadBalancers', {}, bind)).catch(thrown => thrown);
  assert.equal(error.errorCode, 'ServiceUnavailable');
  assert.match(error.requestId, /^fault-/);
});

test("call() survives a storm of throttles, and afterwards the account's rate is kept again", async () => {
  const aws = emulatedAws({ profile: 'throttled', faults: [{ kind: 'throttle', probability: 0.3 }] });
  const calls = Array.from({ length: 40 }, () => aws.api.call('DescribeLoadBalancers', {}, { priority: 'audit' }));
  await inTime(aws.clock, Promise.all(calls), 120_000);
  const throttled = aws.attempts.filter(attempt => attempt.errorCode === 'Throttling');
  assert.ok(throttled.length > 5);
  // Only the storm's own answers: the buckets behind it were never overdrawn.
  assert.equal(aws.emulator.callLog.counts().throttled, 0);
});

test('call() gives a call back to its caller that is throttled for a minute', async () => {
  const aws = emulatedAws({ faults: [{ kind: 'throttle' }] });
  const startMs = aws.clock.nowMs();
  const error = await inTime(aws.clock, aws.api.call('DescribeLoadBalancers', {}, bind)).catch(thrown => thrown);
  assert.equal(error.errorCode, 'Throttling');
  const tookMs = aws.clock.nowMs() - startMs;
  assert.ok(tookMs >= retryRules.throttledForMs && tookMs < 2 * retryRules.throttledForMs);
});

test('call() reports missing credentials at once, before the budget, and sends nothing', async () => {
  const { api, clock, sent } = stubbedApi(() => ({}), {
    credentials: async () => {
      throw Object.assign(new Error('Could not load credentials from any providers'), {
        name: 'CredentialsProviderError',
      });
    },
  });
  const error = await inTime(clock, api.call('RegisterTargets', noTargets, bind), 0).catch(thrown => thrown);
  assert.ok(error instanceof AwsError);
  assert.equal(error.kind, 'no-credentials');
  assert.equal(error.errorCode, 'CredentialsProviderError');
  assert.equal(sent.length, 0);
});

test('call() reports missing credentials within 5 s where their source never answers', async () => {
  const { api, clock } = stubbedApi(() => ({}), { credentials: () => new Promise(() => {}) });
  const error = await inTime(clock, api.call('RegisterTargets', noTargets, bind), 4999).catch(thrown => thrown);
  assert.equal(error.kind, 'no-credentials');
});

test('call() reads an answer that is no XML by its status', async () => {
  const bodies: Answer[] = [
    { status: 503, body: '<html><body>Service Unavailable' },
    { status: 403, body: 'Forbidden by proxy' },
    { status: 200, body: '<DescribeTagsResponse><DescribeTagsRes' },
    { status: 502, body: '' },
  ];
  const found: unknown[] = [];
  for (const body of bodies) {
    const { api, clock } = stubbedApi(() => ({ headers: {}, ...body }));
    const error = await inTime(clock, api.call('DescribeTags', { ResourceArns: [] }, bind)).catch(thrown => thrown);
    assert.ok(error instanceof AwsError, String(error));
    found.push([error.kind, error.httpStatus]);
  }
  assert.deepEqual(found, [
    ['answered', 503],
    ['answered', 403],
    ['no-answer', 200],
    ['answered', 502],
  ]);
});

test("call() tells AWS's code as on the wire, and the request id of the body where no header has it", async () => {
  const { api } = stubbedApi(() => ({
    status: 400,
    headers: {},
    body: errorAnswer('DuplicateListener', 'A listener already exists on this port'),
  }));
  const input = { LoadBalancerArn: 'arn:x', DefaultActions: [] };
  const error = await api.call('CreateListener', input, bind).catch(thrown => thrown);
  assert.equal(error.errorCode, 'DuplicateListener');
  assert.equal(error.requestId, 'request-in-body');
  assert.equal(error.message, 'A listener already exists on this port');
});

test('call() reports every attempt with its code, its request id and what it waited', async () => {
  const row = { burst: 2, perSecond: 1 };
  const aws = emulatedAws({ budget: { ...unlimitedBudget, describe: row } });
  const calls = [1, 2].map(() => aws.api.call('DescribeLoadBalancers', {}, { priority: 'audit' }));
  await inTime(aws.clock, Promise.all(calls));
  const [first, second] = aws.attempts;
  assert.deepEqual(
    aws.attempts.map(attempt => attempt.requestId),
    aws.emulator.callLog.entries.map(entry => entry.requestId),
  );
  assert.equal(first!.budgetWaitMs, 0);
  assert.ok(second!.budgetWaitMs > 1000 && second!.budgetWaitMs < 1100);
  assert.deepEqual(
    { ...first, requestId: '' },
    {
      action: 'DescribeLoadBalancers',
      priority: 'audit',
      durationMs: 0,
      budgetWaitMs: 0,
      errorCode: 'none',
      httpStatus: 200,
      requestId: '',
    },
  );
});

test('the same seed gives the same calls, answers and times, faults and throttles included', async () => {
  const run = async () => {
    const aws = emulatedAws({
      profile: 'realistic',
      seed: 7,
      faults: [
        { kind: 'throttle', probability: 0.1 },
        { kind: 'lost', probability: 0.1 },
        { kind: 'late', probability: 0.1, delayMs: 7000 },
      ],
    });
    await inTime(aws.clock, aws.loadBalancer('game-1'));
    const calls = Array.from({ length: 60 }, (_, index) =>
      aws.api
        .call('DescribeLoadBalancers', { PageSize: 1 + index }, { priority: index % 2 ? 'bind' : 'audit' })
        .catch(error => error.errorCode),
    );
    await inTime(aws.clock, Promise.all(calls));
    return JSON.stringify([aws.emulator.callLog.entries, aws.attempts]);
  };
  const first = await run();
  assert.ok(first.includes('TimeoutError') && first.includes('ECONNRESET') && first.includes('Throttling'));
  assert.equal(await run(), first);
});
