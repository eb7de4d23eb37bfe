import * as elbv2 from '@aws-sdk/client-elastic-load-balancing-v2';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { SignatureV4 } from '@smithy/signature-v4';
import type { Clock } from '../runtime/clock.ts';
import { maxInFlight } from './budget.ts';
import type { Credentials, CredentialsProvider } from './credentials-source.ts';
import type { Elbv2Action, Elbv2Calls } from './elbv2-api.ts';

/** What carries a signed request: the SDK's handler over sockets, or a call into an emulator in the same process. */
export type RequestHandler = Pick<NodeHttpHandler, 'handle'>;

type HttpRequest = Parameters<NodeHttpHandler['handle']>[0];

export interface Elbv2ClientOptions {
  clock: Clock;
  /** @default AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2 or AWS_ENDPOINT_URL, else AWS's own for the region */
  endpoint?: string | undefined;
  /** @default AWS_REGION, AWS_DEFAULT_REGION or the shared configuration file */
  region?: string | undefined;
  /** @default the SDK's chain: environment, configuration files, web identity, container, instance */
  credentials?: Credentials | CredentialsProvider | undefined;
  /** With it no socket, file or timer of the machine is touched; region and credentials must then be given. */
  requestHandler?: RequestHandler | undefined;
  /** Sockets are given up after this long without an answer, milliseconds. */
  requestTimeoutMs: number;
  /** Where a default region and a proxy (`HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`) are read. @default process.env */
  env?: Record<string, string | undefined> | undefined;
}

/** One attempt at a call, as the door sees it. */
export interface Attempt {
  /** Called in the turn in which the request leaves, with the request signed; what it throws keeps it back. */
  atDoor(): void;
  /** An answer has begun to arrive. */
  onAnswer(httpStatus: number, requestId: string | undefined): void;
}

/** The SDK's client with its retries off, its clock replaced, and a door in front of its handler. */
export interface Elbv2Client {
  /** Finds credentials; rejects where there are none. */
  credentials: CredentialsProvider;
  /** Rejects where none is set. */
  region(): Promise<string>;
  /** Sends once. Aborting the signal ends it, before or after it left. */
  send<A extends Elbv2Action>(
    action: A,
    input: Elbv2Calls[A][0],
    signal: AbortSignal,
    attempt: Attempt,
  ): Promise<Elbv2Calls[A][1]>;
  close(): void;
}

const commands = {
  DescribeLoadBalancers: elbv2.DescribeLoadBalancersCommand,
  DescribeListeners: elbv2.DescribeListenersCommand,
  DescribeTargetGroups: elbv2.DescribeTargetGroupsCommand,
  DescribeTargetHealth: elbv2.DescribeTargetHealthCommand,
  DescribeTargetGroupAttributes: elbv2.DescribeTargetGroupAttributesCommand,
  DescribeTags: elbv2.DescribeTagsCommand,
  CreateTargetGroup: elbv2.CreateTargetGroupCommand,
  ModifyTargetGroup: elbv2.ModifyTargetGroupCommand,
  ModifyTargetGroupAttributes: elbv2.ModifyTargetGroupAttributesCommand,
  DeleteTargetGroup: elbv2.DeleteTargetGroupCommand,
  CreateListener: elbv2.CreateListenerCommand,
  ModifyListener: elbv2.ModifyListenerCommand,
  DeleteListener: elbv2.DeleteListenerCommand,
  RegisterTargets: elbv2.RegisterTargetsCommand,
  DeregisterTargets: elbv2.DeregisterTargetsCommand,
} as const satisfies Record<Elbv2Action, unknown>;

/**
 * What Node's agents take for a proxy, in capitals or not; nothing where there is none, so that they stay as they were. This
 * machine itself, where an emulator is, is never behind a proxy.
 */
function proxyFrom(env: Record<string, string | undefined>) {
  const named = (name: string) => env[name.toLowerCase()] || env[name];
  const [HTTPS_PROXY, HTTP_PROXY] = [named('HTTPS_PROXY'), named('HTTP_PROXY')];
  if (!HTTPS_PROXY && !HTTP_PROXY) return {};
  const NO_PROXY = [named('NO_PROXY'), 'localhost', '127.0.0.1'].filter(Boolean).join(',');
  return { proxyEnv: { HTTPS_PROXY, HTTP_PROXY, NO_PROXY } };
}

/** Makes the client. Nothing is looked up before the first call. */
export function createElbv2Client(options: Elbv2ClientOptions): Elbv2Client {
  const { clock, requestTimeoutMs, env = process.env } = options;
  const region = options.region ?? (env.AWS_REGION || env.AWS_DEFAULT_REGION);
  const sockets = { keepAlive: true, maxSockets: maxInFlight, ...proxyFrom(env) };
  const inner =
    options.requestHandler ??
    new NodeHttpHandler({
      connectionTimeout: requestTimeoutMs,
      requestTimeout: requestTimeoutMs,
      throwOnRequestTimeout: true,
      httpAgent: sockets,
      httpsAgent: sockets,
    });

  // The abort signal of an attempt is what the SDK carries through to the handler: it tells the door whose request this is.
  const attempts = new WeakMap<AbortSignal, Attempt>();
  const door: RequestHandler = {
    handle(request, handlerOptions) {
      const attempt = handlerOptions?.abortSignal && attempts.get(handlerOptions.abortSignal as AbortSignal);
      // The credentials' own calls (to the token service) come this way too: they change nothing.
      if (!attempt) return inner.handle(request, handlerOptions);
      try {
        attempt.atDoor();
      } catch (error) {
        return Promise.reject(error);
      }
      return inner.handle(request, handlerOptions).then(answer => {
        const headers = answer.response.headers;
        attempt.onAnswer(answer.response.statusCode, headers['x-amzn-requestid'] ?? headers['x-amz-request-id']);
        return answer;
      });
    },
  };

  const client: elbv2.ElasticLoadBalancingV2Client = new elbv2.ElasticLoadBalancingV2Client({
    ...(region ? { region } : {}),
    ...(options.endpoint ? { endpoint: options.endpoint } : {}),
    ...(options.credentials ? { credentials: options.credentials as Credentials } : {}),
    // Everything that would be looked up in files or the environment: an in-process world has neither.
    ...(options.requestHandler
      ? { useDualstackEndpoint: false, useFipsEndpoint: false, endpoint: options.endpoint ?? 'http://elbv2.internal' }
      : {}),
    authSchemePreference: ['sigv4'],
    requestHandler: door as NodeHttpHandler,
    maxAttempts: 1,
    retryStrategy: onlyOnce,
    userAgentAppId: 'nlbports',
    defaultUserAgentProvider: async () => [['nlbports']],
    // The date is the signer's, below, and never corrected by what an answer says.
    disableClockSkewCorrection: true,
    signer: async scheme => {
      const signer = new SignatureV4({
        credentials: client.config.credentials,
        region: scheme?.signingRegion ?? (await client.config.region()),
        service: scheme?.signingName ?? 'elasticloadbalancing',
        sha256: client.config.sha256,
        uriEscapePath: true,
      });
      // Signed once per attempt with the product's time: a request that is held up after this grows old and is refused.
      const signByOurClock = (request: HttpRequest, how: object) => {
        // Random, and of use to nobody: without it the same call is the same bytes.
        delete request.headers['amz-sdk-invocation-id'];
        return signer.sign(request, { ...how, signingDate: new Date(clock.nowMs()) });
      };
      return { sign: signByOurClock as SignatureV4['sign'] };
    },
  });

  return {
    credentials: () => client.config.credentials(),
    region: () => client.config.region(),
    send<A extends Elbv2Action>(action: A, input: Elbv2Calls[A][0], signal: AbortSignal, attempt: Attempt) {
      attempts.set(signal, attempt);
      // The table pairs each action with its command; the compiler can't follow a pair through a union.
      const Command = commands[action] as unknown as new (input: Elbv2Calls[A][0]) => elbv2.DescribeTagsCommand;
      const sent: Promise<unknown> = client.send(new Command(input), { abortSignal: signal });
      return sent as Promise<Elbv2Calls[A][1]>;
    },
    close: () => {
      if (inner instanceof NodeHttpHandler) inner.destroy();
    },
  };
}

/** The budget and the priorities are ours, so the retries are too. */
const onlyOnce = {
  async acquireInitialRetryToken() {
    return { getRetryCount: () => 0, getRetryDelay: () => 0 };
  },
  async refreshRetryTokenForRetry(): Promise<never> {
    throw new Error('one attempt only');
  },
  recordSuccess() {},
};
