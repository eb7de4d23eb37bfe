/** A seed that once broke an invariant, with what was wrong then. A later change of the scenarios gives it another run. */
export const pastFailures: readonly { seed: number; was: string }[] = [
  { seed: 5, was: 'a port whose finalizer was dropped was patched again and again until the news of its end came' },
  { seed: 14, was: 'an answer of AWS older than a registration made the object forget the target, which stayed' },
  { seed: 15, was: 'a pod waited for ever on a port whose load balancer had left the pool before the port was made' },
  { seed: 17, was: 'a pod was called ready by what AWS had said of the address that it had before' },
  {
    seed: 2032,
    was: 'a listing made for an older spec of the pool took a load balancer out of the status of the newer',
  },
  {
    seed: 305181,
    was: 'a port that was bound and released between two looks rested no more than the claim before had',
  },
  {
    seed: 700073,
    was: 'after a lost race the status of a pool was written by a listing older than the one that had won',
  },
  { seed: 720031, was: 'a pod that waited in one pool was relabelled, and nobody looked for a port of the other one' },
  {
    seed: 95016,
    was: 'a pod was committed again to exposed ports that another leader had released, and published them',
  },
  {
    seed: 305112,
    was: 'a Service whose wish could not be read was committed to what it had left of a set, after the rest was lost',
  },
  {
    seed: 420152,
    was: 'a target that had left was forgotten by an older answer, after a late call had registered it again',
  },
  {
    seed: 440106,
    was: 'a port that could not be made took down the endpoint that the Service had on another one',
  },
  {
    seed: 460616,
    was: 'a new leader made a target group that only an NLBPort of the same name had announced, which was gone',
  },
  {
    seed: 470517,
    was: 'a pod with the address of its namesake was called ready while AWS was letting go of that address',
  },
  {
    seed: 490270,
    was: 'a port that a Service had edited away lost all that was behind it before there was another one',
  },
  { seed: 600524, was: 'a target that a former leader had found in an old answer stood on a free port for ever' },
  {
    seed: 700046,
    was: 'a pod that had moved to a pool which lets it play to its end was told that it ends, for its port of the former pool',
  },
  {
    seed: 700060,
    was: 'a port that a namesake had taken over and committed to was given up by a process that was behind',
  },
  {
    seed: 710192,
    was: 'a Service that lost its label held a port of its former pool, and was bound and unbound in the default one for ever',
  },
  { seed: 600819, was: 'the audit was never made again after an orphan had got an NLBPort while it was being removed' },
  {
    seed: 59259560,
    was: 'a target that the port had forgotten was announced to leave by a process that was behind, which ended then',
  },
  {
    seed: 720950,
    was: 'a target group that a late call had left without an NLBPort stayed for two audits, twenty minutes',
  },
  {
    seed: 901492,
    was: 'the checker asked of a process that had stood still for a minute that it knew what was half a minute old',
  },
  {
    seed: 2001889,
    was: 'a listing that still showed a deleted target group had the port forget the one that was made after it',
  },
  {
    seed: 2001794,
    was: 'the checker took two numbers for one wish, of a Service that waits for a third and was told of both',
  },
  {
    seed: 26642328,
    was: 'a quarantine was cut short by a process that knew an older, shorter one, and free 24 s after its last target',
  },
  {
    seed: 26642476,
    was: "a Service lost the endpoint that it had when someone took the number that an edit had added, and it wasn't told of yet",
  },
  {
    seed: 4000814,
    was: 'a write that came eight seconds late began the quarantine of another release, as the pool had been before',
  },
  {
    seed: 8000953,
    was: 'a wall clock that was set forward put the lead in doubt until the next renewal, and what had its turn then never had another',
  },
];
