import { CodedException, codedError } from '../../api/errors.ts';
import { type Closable, type Network, networkErrorCode } from '../network.ts';
import { type NetworkMapRule, networkMap, parseNetworkMapRule } from '../network-map.ts';

/** The loopback addresses of one sandbox: where pods and load balancers really are. */
export interface LoopbackBlock {
  readonly networkMap: readonly NetworkMapRule[];
  /** For the emulator's setting `address-range`. */
  readonly addressRange: string;
  hostFor(ip: string): string;
  release(): Promise<void>;
}

export interface LoopbackBlockOptions {
  /** The user's own map; the block is then theirs to choose. */
  networkMap?: readonly NetworkMapRule[];
  /** Which of 1 to 63 is tried first. @default 1 */
  firstBlock?: number;
  /** Whether each address has to be added by hand, as on macOS: few are used then, and each is tried first. */
  fewAddresses?: boolean;
}

/** The kubelet's own port at the node's address: who listens there runs the pods of this block. */
const node = { ip: '10.0.0.10', port: 10250 };

/**
 * Blocks for pods are 127.1 to 127.63, as all kinds of programs have something in 127.0; load balancers get 127.64 and
 * above.
 */
const blocks = 63;

/**
 * Takes the first block of loopback addresses that no other sandbox of this machine uses.
 * @throws CodedException NoLoopbackAddress where the machine has but 127.0.0.1, PortInUse where every block is taken.
 */
export async function takeLoopbackBlock(
  deps: { network: Network },
  options: LoopbackBlockOptions = {},
): Promise<LoopbackBlock> {
  const own = options.networkMap?.length ? options.networkMap : undefined;
  const first = options.firstBlock ?? 1;
  for (let tries = 0; tries < (own ? 1 : blocks); tries++) {
    const number = ((first - 1 + tries) % blocks) + 1;
    const rules = own ?? [ruleFor(`127.${number}.0.0/16`)];
    const hostFor = networkMap(rules);
    const range = options.fewAddresses
      ? `127.${64 + number}.0.0/28`
      : own
        ? '127.64.0.0/10'
        : `127.${64 + number}.0.0/16`;
    const taken = await listenAt(deps.network, hostFor(node.ip));
    if (taken === undefined) continue;
    if (options.fewAddresses) {
      for (const host of [hostFor('10.0.1.5'), `127.${64 + number}.0.1`]) {
        await (await listenAt(deps.network, host, 0))?.close();
      }
    }
    return { networkMap: rules, addressRange: range, hostFor, release: () => taken.close() };
  }
  const where = own ? networkMap(own)(node.ip) : '127.1.0.10 to 127.63.0.10';
  throw new CodedException(
    codedError(
      'PortInUse',
      `Cannot listen on ${where}, port ${node.port}: EADDRINUSE, a network that no other sandbox uses wanted (--map-network)`,
    ),
  );
}

/** What adds every address that a sandbox uses, for systems on which 127.0.0.1 is the only one of loopback. */
const aliasCommand =
  'for a in 127.1.0.10 $(seq -f 127.1.1.%g 5 254) $(seq -f 127.65.0.%g 1 14); do sudo ifconfig lo0 alias $a up; done';

async function listenAt(network: Network, host: string, port = node.port): Promise<Closable | undefined> {
  try {
    return await network.listenTcp({ host, port }, connection => connection.reset());
  } catch (error) {
    const code = networkErrorCode(error);
    if (code === 'EADDRINUSE') return undefined;
    if (code !== 'EADDRNOTAVAIL') throw error;
    const detail = `Cannot use the loopback address ${host}: ${code}, an address of this machine wanted. Add it with "sudo ifconfig lo0 alias ${host} up", or all that the sandbox uses with: ${aliasCommand}`;
    throw new CodedException(codedError('NoLoopbackAddress', detail));
  }
}

function ruleFor(pods: string): NetworkMapRule {
  const parsed = parseNetworkMapRule(`10.0.0.0/16=${pods}`);
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.rule;
}
