import { clusterTag, targetGroupPrefix } from '../api/names.ts';
import { callClasses } from './documented-budget.ts';
import type { Elbv2Action } from './elbv2-api.ts';

/** A document of IAM, as far as ours go. */
export interface PolicyDocument {
  Version: '2012-10-17';
  Statement: PolicyStatement[];
}

export interface PolicyStatement {
  Sid: string;
  Effect: 'Allow' | 'Deny';
  Action: string[];
  Resource: string | string[];
  /** Operator, key, values: `{ StringEquals: { 'aws:RequestTag/x': 'y' } }`. */
  Condition?: Record<string, Record<string, string | string[]>>;
}

/** What a policy is made for. Texts such as `CLUSTER_ID` make a template of it. */
export interface PolicyScope {
  /** `aws`, `aws-cn` or `aws-us-gov`. */
  partition: string;
  clusterId: string;
  /** What the names of the cluster's target groups begin with. */
  targetGroupPrefix: string;
  /** The load balancers on which listeners may be made. */
  loadBalancerArns: string[];
}

type StatementName = 'Look' | 'MakeTargetGroups' | 'MakeListeners' | 'UseOwnTargetGroups' | 'UseOwnListeners';

/** The statement that allows each call that changes something. A new one does not compile without its statement. */
const statementOf: Record<Exclude<Elbv2Action, `Describe${string}`>, StatementName> = {
  CreateTargetGroup: 'MakeTargetGroups',
  ModifyTargetGroup: 'UseOwnTargetGroups',
  ModifyTargetGroupAttributes: 'UseOwnTargetGroups',
  DeleteTargetGroup: 'UseOwnTargetGroups',
  RegisterTargets: 'UseOwnTargetGroups',
  DeregisterTargets: 'UseOwnTargetGroups',
  CreateListener: 'MakeListeners',
  ModifyListener: 'UseOwnListeners',
  DeleteListener: 'UseOwnListeners',
};

/** Why each statement is there and is no wider; a page is made of it. In the order of the document. */
export const statementReasons: Record<StatementName | 'TagWhatIsMade', string> = {
  Look:
    'Describe calls take no resource: AWS authorises them on `*` alone. They show the names, tags and targets of every ' +
    'load balancer of the account in the region, and change nothing.',
  MakeTargetGroups:
    "Only under a name that begins with this cluster's own prefix, and only with this cluster's tag on it from the " +
    'first moment. Without the tag in the request nothing is made.',
  MakeListeners:
    'AWS authorises CreateListener on the load balancer, not on the listener: so the load balancers that you bring are ' +
    "listed here, and on no other one can a listener be made. The request must carry this cluster's tag. IAM can limit " +
    'neither the port number nor the target group that is forwarded to.',
  TagWhatIsMade:
    'A create call with tags needs AddTags too. It is allowed only as a part of such a call (the condition ' +
    '`elasticloadbalancing:CreateAction`): a plain AddTags would let the role put our tag on a resource of someone ' +
    'else, and by that own it.',
  UseOwnTargetGroups:
    "Whatever changes or deletes a target group: only where it has this cluster's tag already. IAM cannot limit which " +
    'addresses are registered.',
  UseOwnListeners:
    'The same for listeners of Network Load Balancers. A listener of someone else has no such tag, and AWS refuses.',
};

/** The scope of one cluster, in a form that needs no putting in. */
export function scopeOfCluster(clusterId: string, loadBalancerArns: string[], partition = 'aws'): PolicyScope {
  return { partition, clusterId, targetGroupPrefix: targetGroupPrefix(clusterId), loadBalancerArns };
}

/** The template that is shipped: what stands in capitals is to be put in. */
export const policyTemplateScope: PolicyScope = {
  partition: 'PARTITION',
  clusterId: 'CLUSTER_ID',
  targetGroupPrefix: 'nlbp-CLUSTER_HASH-',
  loadBalancerArns: ['LOAD_BALANCER_ARN'],
};

/** The least that the operator of one cluster needs, made of the list of calls that it makes. */
export function iamPolicy(scope: PolicyScope): PolicyDocument {
  const arn = (resource: string) => `arn:${scope.partition}:elasticloadbalancing:*:*:${resource}`;
  const ourNames = arn(`targetgroup/${scope.targetGroupPrefix}*/*`);
  const anyListener = arn('listener/net/*/*/*');
  const requestTag = { [`aws:RequestTag/${clusterTag}`]: scope.clusterId };
  const resourceTag = { [`aws:ResourceTag/${clusterTag}`]: scope.clusterId };
  const allow = (name: StatementName, Resource: PolicyStatement['Resource'], equals?: Record<string, string>) => ({
    Sid: name,
    Effect: 'Allow' as const,
    Action: actionsOf(name),
    Resource,
    ...(equals ? { Condition: { StringEquals: equals } } : {}),
  });
  return {
    Version: '2012-10-17',
    Statement: [
      allow('Look', '*'),
      allow('MakeTargetGroups', ourNames, requestTag),
      allow('MakeListeners', scope.loadBalancerArns, requestTag),
      {
        Sid: 'TagWhatIsMade',
        Effect: 'Allow',
        Action: ['elasticloadbalancing:AddTags'],
        Resource: [ourNames, anyListener],
        Condition: {
          StringEquals: {
            'elasticloadbalancing:CreateAction': ['CreateTargetGroup', 'CreateListener'],
            ...requestTag,
          },
        },
      },
      allow('UseOwnTargetGroups', arn('targetgroup/*/*'), resourceTag),
      allow('UseOwnListeners', anyListener, resourceTag),
    ],
  };
}

function actionsOf(name: StatementName): string[] {
  const actions = Object.keys(callClasses) as Elbv2Action[];
  return actions
    .filter(action => (isChange(action) ? statementOf[action] : 'Look') === name)
    .map(action => `elasticloadbalancing:${action}`);
}

function isChange(action: Elbv2Action): action is keyof typeof statementOf {
  return action in statementOf;
}
