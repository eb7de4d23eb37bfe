import type { PolicyDocument } from '../../src/aws/iam-policy.ts';
import type { Guard } from './guard.ts';

/** A guard of the IAM policy, and the policy as it is without what it guards. */
export interface IamGuard extends Guard {
  ablate(shipped: PolicyDocument): PolicyDocument;
}

type Statement = PolicyDocument['Statement'][number];

const rooms = 'src/simulation/rooms.test.ts';
const pools = 'src/simulation/pools.test.ts';
const audit = 'src/simulation/audit.test.ts';
const denial = 'src/sandbox/elbv2/policy.test.ts';

const inStatement =
  (sid: string, change: (statement: Statement) => Statement) =>
  (shipped: PolicyDocument): PolicyDocument => ({
    ...shipped,
    Statement: shipped.Statement.map(statement => (statement.Sid === sid ? change(statement) : statement)),
  });

/** What the product needs: without the action the test fails. */
const action = (sid: string, name: string, file: string, test: string): IamGuard => ({
  change: `${name} out of ${sid}`,
  ...{ file, test },
  ablate: inStatement(sid, statement => ({
    ...statement,
    Action: statement.Action.filter(other => other !== `elasticloadbalancing:${name}`),
  })),
});

/** What a tag at the making may be a part of, or may be put on: the same. */
const part = (change: string, file: string, test: string, edit: (statement: Statement) => Statement): IamGuard => ({
  ...{ change, file, test },
  ablate: inStatement('TagWhatIsMade', edit),
});

/** What keeps a statement narrow: without it something is allowed that a test wants refused. */
const condition = (sid: string, key: string, test: string): IamGuard => ({
  change: `${sid} without the condition on ${key}`,
  ...{ file: denial, test },
  ablate: inStatement(sid, ({ Condition = {}, ...statement }) => ({
    ...statement,
    Condition: {
      StringEquals: Object.fromEntries(
        Object.entries(Condition.StringEquals ?? {}).filter(([name]) => name.split('/')[0] !== key),
      ),
    },
  })),
});
const anywhere = (sid: string, test: string): IamGuard => ({
  change: `${sid} on any resource`,
  ...{ file: denial, test },
  ablate: inStatement(sid, statement => ({ ...statement, Resource: '*' })),
});

const foreign =
  'the shipped policy refuses to change a listener or target group of someone else, or of another cluster';
const strange =
  "the shipped policy refuses to make anything without this cluster's tag, under a strange name, or on a strange load balancer";
const each =
  'the shipped policy holds each statement narrow by itself, though two of them guard the making of a target group';

/** Every action of the policy, and everything that keeps a statement narrow. */
export const iamGuards: readonly IamGuard[] = [
  action('Look', 'DescribeLoadBalancers', pools, 'load balancers are found by tags, and a new one is taken up'),
  action(
    'Look',
    'DescribeListeners',
    pools,
    "a listener of someone else is shown as Conflict, left alone, and its port is nobody's",
  ),
  action(
    'Look',
    'DescribeTargetGroups',
    'src/simulation/by-hand.test.ts',
    'a warm port whose AWS resources were deleted by hand is made anew when it is bound',
  ),
  action(
    'Look',
    'DescribeTargetHealth',
    'src/simulation/readiness.test.ts',
    'a pod is ready when its target was healthy for the settle time, not before',
  ),
  action(
    'Look',
    'DescribeTargetGroupAttributes',
    audit,
    'the audit writes attributes and health check again that were changed by hand',
  ),
  action(
    'Look',
    'DescribeTags',
    audit,
    'orphans are deleted after two complete audits, the first says so, and a live room is not touched',
  ),
  action(
    'MakeTargetGroups',
    'CreateTargetGroup',
    rooms,
    'three rooms made together get their ports in the order of their names',
  ),
  action(
    'MakeListeners',
    'CreateListener',
    rooms,
    'a cold bind changes AWS four times, a cold release three times, and a room at rest never',
  ),
  action('TagWhatIsMade', 'AddTags', rooms, 'three rooms made together get their ports in the order of their names'),
  action(
    'UseOwnTargetGroups',
    'ModifyTargetGroup',
    pools,
    "an edit of a pool's health check reaches bound ports without their endpoints being withdrawn",
  ),
  action(
    'UseOwnTargetGroups',
    'ModifyTargetGroupAttributes',
    audit,
    'the audit writes attributes and health check again that were changed by hand',
  ),
  action(
    'UseOwnTargetGroups',
    'DeleteTargetGroup',
    pools,
    'a pool that is deleted waits for its rooms, says who holds it, and keeps their endpoints',
  ),
  action(
    'UseOwnTargetGroups',
    'RegisterTargets',
    rooms,
    'a changed pod address is followed: the old one is deregistered, then the new one registered',
  ),
  action(
    'UseOwnTargetGroups',
    'DeregisterTargets',
    rooms,
    'a room that has ended gives its port back though its pod still exists',
  ),
  action(
    'UseOwnListeners',
    'ModifyListener',
    audit,
    'the audit points a listener at our group again that was pointed at another one',
  ),
  action(
    'UseOwnListeners',
    'DeleteListener',
    pools,
    'a pool that is deleted waits for its rooms, says who holds it, and keeps their endpoints',
  ),
  ...['CreateTargetGroup', 'CreateListener'].map(create =>
    part(
      `${create} out of the CreateAction of TagWhatIsMade`,
      rooms,
      'three rooms made together get their ports in the order of their names',
      statement => ({
        ...statement,
        Condition: {
          StringEquals: {
            ...statement.Condition?.StringEquals,
            'elasticloadbalancing:CreateAction': ['CreateTargetGroup', 'CreateListener'].filter(
              name => name !== create,
            ),
          },
        },
      }),
    ),
  ),
  ...['targetgroup', 'listener'].map(kind =>
    part(
      `${kind} out of the resources of TagWhatIsMade`,
      rooms,
      'three rooms made together get their ports in the order of their names',
      statement => ({ ...statement, Resource: [statement.Resource].flat().filter(arn => !arn.includes(`:${kind}/`)) }),
    ),
  ),
  condition('MakeTargetGroups', 'aws:RequestTag', strange),
  condition('MakeListeners', 'aws:RequestTag', strange),
  condition('TagWhatIsMade', 'aws:RequestTag', each),
  condition('TagWhatIsMade', 'elasticloadbalancing:CreateAction', foreign),
  condition('UseOwnTargetGroups', 'aws:ResourceTag', foreign),
  condition('UseOwnListeners', 'aws:ResourceTag', foreign),
  anywhere('MakeTargetGroups', each),
  anywhere('MakeListeners', strange),
  anywhere('TagWhatIsMade', each),
];
