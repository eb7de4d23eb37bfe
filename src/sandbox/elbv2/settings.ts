import { parseCidr } from '../network-map.ts';

/** How near to AWS the emulator behaves; every figure can be set by itself too. */
export type Profile = 'instant' | 'throttled' | 'realistic';

/** All profiles, the quick one first. */
export const profiles: readonly Profile[] = ['instant', 'throttled', 'realistic'];

/** A duration drawn evenly from `minMs` to `maxMs` each time it is needed. */
export interface DurationRange {
  readonly minMs: number;
  readonly maxMs: number;
}

type Kind = 'switch' | 'number' | 'count' | 'duration' | 'code' | 'account' | 'actions' | 'network';

interface Row<K extends Kind = Kind> {
  readonly kind: K;
  /** The value as written, for each profile. */
  readonly instant: string;
  readonly throttled: string;
  readonly realistic: string;
  readonly doc: string;
}

function row<K extends Kind>(kind: K, instant: string, throttled: string, realistic: string, doc: string): Row<K> {
  return { kind, instant, throttled, realistic, doc };
}

function same<K extends Kind>(kind: K, value: string, doc: string): Row<K> {
  return row(kind, value, value, value, doc);
}

/**
 * Every figure of the emulator: name, value by profile, and what it means with where its number comes from.
 * (D) AWS documentation, (I) reported by users or AWS support, (V) seen in clients, (E) our own guess.
 */
export const settingRows = {
  throttling: row(
    'switch',
    'off',
    'on',
    'on',
    'Calls draw tokens from buckets per account and region; an empty one answers Throttling.',
  ),
  'throttle-code': same(
    'code',
    'Throttling',
    'Error code of a throttled call: Throttling by most reports, ThrottlingException on one AWS page (I).',
  ),
  'bucket-account-burst': same('count', '40', 'All calls of an account in a region: size of the bucket (D).'),
  'bucket-account-rate': same('number', '10', 'All calls of an account in a region: tokens per second (D).'),
  'bucket-describe-burst': same('count', '40', 'Describe* calls: size of the bucket (D).'),
  'bucket-describe-rate': same('number', '10', 'Describe* calls: tokens per second (D).'),
  'bucket-registration-burst': same('count', '20', 'RegisterTargets and DeregisterTargets: size of the bucket (D).'),
  'bucket-registration-rate': same('number', '4', 'RegisterTargets and DeregisterTargets: tokens per second (D).'),
  'bucket-mutating-burst': same('count', '20', 'Other changing calls: size of the bucket (D).'),
  'bucket-mutating-rate': same('number', '3', 'Other changing calls: tokens per second (D).'),
  'bucket-slow-burst': same('count', '10', 'CreateLoadBalancer and SetSubnets: size of the bucket (D).'),
  'bucket-slow-rate': same('number', '0.2', 'CreateLoadBalancer and SetSubnets: tokens per second (D).'),
  'listeners-per-load-balancer': same('count', '50', 'Quota; TooManyListeners (D).'),
  'load-balancers': same('count', '50', 'Quota of load balancers of one type in a region; TooManyLoadBalancers (D).'),
  'target-groups': same('count', '3000', 'Quota in a region; TooManyTargetGroups (D).'),
  'targets-per-target-group': same('count', '1000', 'Quota; TooManyTargets (D).'),
  'targets-per-load-balancer': same('count', '3000', 'Quota; a target in N groups counts N times; TooManyTargets (D).'),
  'targets-per-load-balancer-cross-zone': same(
    'count',
    '500',
    'Quota of targets in groups with cross-zone on; TooManyTargets (D).',
  ),
  'registrations-per-target-id': same(
    'count',
    '1000',
    'How often one target id may be registered with one load balancer; TooManyRegistrationsForTargetId (the error D, the number E).',
  ),
  'tags-per-resource': same('count', '50', 'Quota; TooManyTags (D).'),
  'provisioning-delay': row('duration', '0s', '0s', '2m-5m', 'From CreateLoadBalancer to state active (D).'),
  'registration-delay': row(
    'duration',
    '0s',
    '0s',
    '1m-5m',
    'From RegisterTargets until health checks begin and the target can carry traffic (I).',
  ),
  'deregistration-delay': row(
    'duration',
    '0s',
    '0s',
    '2m-5m',
    'From DeregisterTargets until new connections no longer reach the target (I).',
  ),
  'flow-delay': row('duration', '0s', '0s', '0s-30s', 'From the first healthy check until traffic really flows (I).'),
  'modify-listener-delay': row('duration', '0s', '0s', '75s', 'From ModifyListener until the data plane follows (I).'),
  'in-use-delay': row(
    'duration',
    '0s',
    '0s',
    '2s-20s',
    'How long a target group stays ResourceInUse after its last listener was deleted (V).',
  ),
  'stale-read-delay': row(
    'duration',
    '0s',
    '0s',
    '0s-2s',
    'How long a describe may still miss what was just created (E).',
  ),
  'page-size': same('count', '400', 'Most that one page of a listing shows, whatever page size is asked for (D).'),
  latency: row('duration', '0s', '0s', '20ms-80ms', 'Time that every call takes (E).'),
  'check-at-once': row(
    'switch',
    'on',
    'on',
    'off',
    'A target is checked at once on registration, and one result decides; off: interval and thresholds of the group (D).',
  ),
  'udp-idle-timeout': same('duration', '120s', 'A UDP flow without packets is forgotten after this (D).'),
  'signature-age': same('duration', '5m', 'A request signed longer ago, or further ahead, is refused (D).'),
  'data-plane': same('switch', 'on', 'Load balancers listen and forward; off: the control plane alone.'),
  'health-checks': same('switch', 'on', 'Targets are really checked; off: each is healthy as soon as it could be.'),
  'address-range': same(
    'network',
    '127.64.0.0/10',
    'Each load balancer gets an address of its own from this network, one per zone.',
  ),
  account: same(
    'account',
    '111122223333',
    'Account number in every ARN; an access key of twelve digits is an account of its own.',
  ),
  deny: same('actions', '', 'Actions answered AccessDenied, joined by commas, as in RegisterTargets,CreateListener.'),
  'call-log-entries': same('count', '100000', 'Calls kept in the call log; counts go on beyond it.'),
} as const satisfies Record<string, Row>;

/** Name of a setting. */
export type SettingName = keyof typeof settingRows;

type ValueOf<K extends Kind> = K extends 'switch'
  ? boolean
  : K extends 'number' | 'count'
    ? number
    : K extends 'duration'
      ? DurationRange
      : string;

/** All settings, compiled. */
export type Settings = { readonly [N in SettingName]: ValueOf<(typeof settingRows)[N]['kind']> };

/** Settings, or a sentence that says what is wrong with what was written. */
export type SettingsResult = { ok: true; settings: Settings } | { ok: false; message: string };

/** The settings of a profile with `overrides` (as written after `--set`) laid over. */
export function compileSettings(profile: Profile, overrides: Readonly<Record<string, string>> = {}): SettingsResult {
  for (const name of Object.keys(overrides)) {
    if (!Object.hasOwn(settingRows, name)) {
      return {
        ok: false,
        message: `Cannot set "${name}": no such setting. Known: ${Object.keys(settingRows).join(', ')}.`,
      };
    }
  }
  const compiled: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries(settingRows)) {
    const written = Object.hasOwn(overrides, name) ? overrides[name]! : setting[profile];
    const value = parsers[setting.kind](written);
    if (value === undefined) {
      return { ok: false, message: `Cannot set "${name}" to "${written}": wanted ${wanted[setting.kind]}.` };
    }
    compiled[name] = value;
  }
  return { ok: true, settings: compiled as Settings };
}

/** The settings of a profile as it is; for code and tests, where a mistake is a bug. */
export function profileSettings(profile: Profile, overrides: Readonly<Record<string, string>> = {}): Settings {
  const result = compileSettings(profile, overrides);
  if (!result.ok) throw new Error(result.message);
  return result.settings;
}

/** The table as lines of text, for `--help`. */
export function settingsHelp(): string {
  return Object.entries(settingRows)
    .map(([name, { instant, throttled, realistic, doc }]) => {
      const values =
        instant === throttled && throttled === realistic
          ? instant || '(empty)'
          : `${instant} / ${throttled} / ${realistic}`;
      return `  ${name} = ${values}\n      ${doc}`;
    })
    .join('\n');
}

/** The table in Markdown, as docs/simulators.md has it. */
export function settingsMarkdown(): string {
  const code = (value: string) => (value === '' ? '(empty)' : `\`${value}\``);
  const rows = Object.entries(settingRows).map(
    ([name, { instant, throttled, realistic, doc }]) =>
      `| \`${name}\` | ${code(instant)} | ${code(throttled)} | ${code(realistic)} | ${doc} |`,
  );
  return ['| setting | instant | throttled | realistic | meaning |', '|---|---|---|---|---|', ...rows, ''].join('\n');
}

const wanted: Record<Kind, string> = {
  switch: 'on or off',
  number: 'a number of 0 or more',
  count: 'a whole number of 0 or more',
  duration: 'a duration as 500ms, 30s, 2m or 1h, or a range as 1m-5m',
  code: 'an error code of letters',
  account: 'twelve digits',
  actions: 'actions joined by commas, as RegisterTargets,CreateListener',
  network: 'an IPv4 network as 127.64.0.0/10',
};

const parsers: Record<Kind, (text: string) => unknown> = {
  switch: text => (text === 'on' || text === 'true' ? true : text === 'off' || text === 'false' ? false : undefined),
  number: text => (/^\d+(\.\d+)?$/.test(text) ? Number(text) : undefined),
  count: text => (/^\d{1,9}$/.test(text) ? Number(text) : undefined),
  duration: parseRange,
  code: text => (/^[A-Za-z]+$/.test(text) ? text : undefined),
  account: text => (/^\d{12}$/.test(text) ? text : undefined),
  actions: text => (/^([A-Za-z]+(, ?[A-Za-z]+)*)?$/.test(text) ? text : undefined),
  network: text => (parseCidr(text) ? text : undefined),
};

function parseRange(text: string): DurationRange | undefined {
  const [from, to, more] = text.split('-');
  const minMs = parseMs(from ?? '');
  const maxMs = to === undefined ? minMs : parseMs(to);
  if (minMs === undefined || maxMs === undefined || more !== undefined || maxMs < minMs) return undefined;
  return { minMs, maxMs };
}

const unitMs: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

function parseMs(text: string): number | undefined {
  if (text === '0') return 0;
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text);
  return match ? Number(match[1]) * unitMs[match[2]!]! : undefined;
}
