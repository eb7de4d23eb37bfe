import type { Opening } from './openings.ts';

/** A rule as EC2's DescribeSecurityGroups has it. */
export interface GroupRule {
  IpProtocol: string;
  FromPort?: number;
  ToPort?: number;
  UserIdGroupPairs?: { GroupId?: string }[];
  IpRanges?: { CidrIp?: string }[];
}

export interface SecurityGroup {
  GroupId: string;
  IpPermissions?: GroupRule[];
  IpPermissionsEgress?: GroupRule[];
}

/** What no rule lets through, with the command that would. */
export interface MissingOpening {
  why: string;
  /** For the AWS CLI; each is one rule. */
  commands: string[];
}

/**
 * The openings that no rule of their groups has, whole or in part, each with commands for the part that is missing. A rule
 * for a prefix list is not looked into: what only such a rule opens counts as missing.
 */
export function missingOpenings(openings: readonly Opening[], groups: readonly SecurityGroup[]): MissingOpening[] {
  const known = new Map(groups.map(group => [group.GroupId, group]));
  const missing = openings.flatMap(opening => {
    const rules = opening.groups
      .flatMap(id => known.get(id) ?? [])
      .flatMap(group => (opening.direction === 'ingress' ? group.IpPermissions : group.IpPermissionsEgress) ?? [])
      .filter(rule => carries(rule, opening.protocol));
    const byGroup = opening.peerGroups.map(peer =>
      without(
        opening,
        rules.filter(rule => namesGroup(rule, peer)),
      ),
    );
    const byCidr = opening.peerCidrs.map(cidr => ({
      cidr,
      left: without(
        opening,
        rules.filter(rule => admits(rule, cidr)),
      ),
    }));
    const cidrsLeft = byCidr.filter(({ left }) => left.length > 0);
    if (byGroup.some(left => left.length === 0) || (byCidr.length > 0 && cidrsLeft.length === 0)) return [];
    const [peer] = opening.peerGroups;
    const commands =
      peer === undefined
        ? cidrsLeft.flatMap(({ cidr, left }) => left.map(range => command(opening, range, { cidr })))
        : (byGroup[0] ?? []).map(range => command(opening, range, { group: peer }));
    return [{ why: opening.why, commands }];
  });
  // Load balancers with one group need the same rule once.
  const said = new Set<string>();
  return missing.flatMap(({ why, commands }) => {
    const fresh = commands.filter(text => !said.has(text));
    for (const text of fresh) said.add(text);
    return fresh.length > 0 ? [{ why, commands: fresh }] : [];
  });
}

interface PortRange {
  from: number;
  to: number;
}

/** IANA's numbers, which EC2 takes as well; -1 is everything. */
const protocolNumbers = { tcp: '6', udp: '17' } as const;

function carries({ IpProtocol: protocol }: GroupRule, wanted: Opening['protocol']): boolean {
  return protocol === '-1' || protocol === wanted || protocol === protocolNumbers[wanted];
}

function namesGroup(rule: GroupRule, group: string): boolean {
  return (rule.UserIdGroupPairs ?? []).some(({ GroupId }) => GroupId === group);
}

function admits(rule: GroupRule, cidr: string): boolean {
  return (rule.IpRanges ?? []).some(({ CidrIp }) => CidrIp !== undefined && contains(CidrIp, cidr));
}

/** The parts of the opening's ports that none of the rules has. */
function without({ from, to }: PortRange, rules: readonly GroupRule[]): PortRange[] {
  let left: PortRange[] = [{ from, to }];
  for (const rule of rules) {
    const [first, last] = rule.IpProtocol === '-1' ? [0, 65_535] : [rule.FromPort ?? 0, rule.ToPort ?? 65_535];
    left = left.flatMap(range =>
      [
        { from: range.from, to: Math.min(range.to, first - 1) },
        { from: Math.max(range.from, last + 1), to: range.to },
      ].filter(part => part.from <= part.to),
    );
  }
  return left;
}

/** Whether every address of `inner` is in `outer`, as in `contains('10.0.0.0/8', '10.1.0.0/16')`. IPv4. */
export function contains(outer: string, inner: string): boolean {
  const [wide, narrow] = [parseCidr(outer), parseCidr(inner)];
  if (wide === undefined || narrow === undefined || wide.bits > narrow.bits) return false;
  const size = 2 ** (32 - wide.bits);
  return Math.floor(wide.address / size) === Math.floor(narrow.address / size);
}

/** Undefined where the text is no IPv4 network. */
export function parseCidr(text: string): { address: number; bits: number } | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(text);
  if (match === null) return undefined;
  const [a = 0, b = 0, c = 0, d = 0, bits = 0] = match.slice(1).map(Number);
  if (Math.max(a, b, c, d) > 255 || bits > 32) return undefined;
  return { address: ((a * 256 + b) * 256 + c) * 256 + d, bits };
}

function command(opening: Opening, { from, to }: PortRange, peer: { cidr: string } | { group: string }): string {
  const [group = ''] = opening.groups;
  const ports = from === to ? `${from}` : `${from}-${to}`;
  if (opening.direction === 'ingress') {
    const source = 'cidr' in peer ? `--cidr ${peer.cidr}` : `--source-group ${peer.group}`;
    return `aws ec2 authorize-security-group-ingress --group-id ${group} --protocol ${opening.protocol} --port ${ports} ${source}`;
  }
  // The short flags for egress know no group.
  const whom = 'cidr' in peer ? `IpRanges=[{CidrIp=${peer.cidr}}]` : `UserIdGroupPairs=[{GroupId=${peer.group}}]`;
  return `aws ec2 authorize-security-group-egress --group-id ${group} --ip-permissions 'IpProtocol=${opening.protocol},FromPort=${from},ToPort=${to},${whom}'`;
}
