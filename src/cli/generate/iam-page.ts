import { iamPolicy, policyTemplateScope, statementReasons } from '../../aws/iam-policy.ts';
import { checkActions } from '../check/aws-cli.ts';
import { code, pageHead, prose } from './markdown.ts';

/** The policy as a template: capitals stand for what is to be put in. */
export function policyFile(): string {
  return `${JSON.stringify(iamPolicy(policyTemplateScope), undefined, 2)}\n`;
}

/** What a person or a job needs that runs `nlbports check`: apart from the operator's own policy. */
export function checkPolicyFile(): string {
  const statement = { Sid: 'Check', Effect: 'Allow', Action: checkActions, Resource: '*' };
  return `${JSON.stringify({ Version: '2012-10-17', Statement: [statement] }, undefined, 2)}\n`;
}

/** `docs/iam.md`: the policy, statement by statement. */
export function iamPage(): string {
  const { Statement } = iamPolicy(policyTemplateScope);
  return `${pageHead('What the operator may do in AWS', 'src/aws/iam-policy.ts')}
The policy is \`deploy/iam/policy.json\`. It is made of the list of calls in \`src/aws/elbv2-api.ts\`, and no other call is
made. Three ways put it in place for you: \`setup-irsa.sh\`, \`setup-pod-identity.sh\`, and the CloudFormation template
\`deploy/iam/cloudformation.yaml\`; [install.md](install.md) shows them. By hand, put in what stands in capitals:

| Text | What it is |
| --- | --- |
| \`PARTITION\` | \`aws\`; \`aws-cn\` in China, \`aws-us-gov\` in GovCloud |
| \`CLUSTER_ID\` | the UID of the namespace \`kube-system\`, or what \`--cluster-id\` says |
| \`CLUSTER_HASH\` | the first 8 hexadecimal digits of the SHA-256 of the cluster id: \`printf %s CLUSTER_ID \\| sha256sum \\| cut -c1-8\` |
| \`LOAD_BALANCER_ARN\` | the ARNs of your Network Load Balancers, as a list |

The emulator holds the operator to this policy in the tests, with an evaluator of our own for its few conditions; each action
has [a test that fails without it](permissions.md). The policy was not tried on real AWS.

${Statement.map(
  ({ Sid, Action, Resource, Condition }) => `## ${Sid}

${prose(statementReasons[Sid as keyof typeof statementReasons])}

- Actions: ${Action.map(action => code(action.replace('elasticloadbalancing:', ''))).join(', ')}
- On: ${[Resource].flat().map(code).join(', ')}
${Condition ? `- Only if: ${conditions(Condition)}\n` : ''}`,
).join('\n')}
## What it can not do

- Nothing on a load balancer but listeners on those that you list; it neither makes, changes nor deletes load balancers.
- Nothing on listeners and target groups without this cluster's tag, and it can not put the tag on them.
- Nothing in EC2, IAM, Route 53 or any other service.
- Within its own target groups it may register any address of the VPC: IAM has no condition for that. What the operator
  registers comes from pods; [security.md](security.md) says who can make whom reachable.

## What the check of security groups needs

\`nlbports check\` is for people, under their own credentials. What it needs is in \`deploy/iam/check-policy.json\`, apart from the
operator's policy: ${checkActions.map(code).join(', ')}. None of them changes anything.

## The load balancers by tag

Instead of listing ARNs, you can let it make listeners on every Network Load Balancer with a tag of yours:

\`\`\`json
"Resource": "arn:aws:elasticloadbalancing:*:*:loadbalancer/net/*/*",
"Condition": { "StringEquals": {
  "aws:ResourceTag/team": "game", "aws:RequestTag/nlbports.dev/cluster": "CLUSTER_ID" } }
\`\`\`

Whoever may put that tag on a load balancer then decides where the operator may make listeners. Both scripts do this with
\`--load-balancer-tag team=game\`; the CloudFormation template takes ARNs alone.
`;
}

function conditions(condition: Record<string, Record<string, string | string[]>>): string {
  return Object.values(condition)
    .flatMap(keys => Object.entries(keys))
    .map(([key, values]) => `${code(key)} is ${[values].flat().map(code).join(' or ')}`)
    .join(', and ');
}
