import type { World } from './world.ts';

/** True for what may be a subnet's id: shorter than AWS's, so that people can name theirs. */
export function isSubnetId(text: string): boolean {
  return /^[A-Za-z0-9-]{1,64}$/.test(text);
}

/** The zone of a subnet. Whoever names a subnet first gives it the next zone of the region, for good. */
export function zoneOfSubnet(world: World, subnet: string): string {
  let name = world.zones.get(subnet);
  if (name === undefined) {
    let letters = '';
    for (let n = world.zones.size; n >= 0; n = Math.floor(n / 26) - 1)
      letters = String.fromCharCode(97 + (n % 26)) + letters;
    name = world.region + letters;
    world.zones.set(subnet, name);
  }
  return name;
}
