import type { Caller } from './authentication.ts';
import { AwsError } from './aws-error.ts';
import type { Action } from './context.ts';
import type { Input } from './input.ts';
import type { World } from './world.ts';

/** What IAM would be asked about one call and one resource. */
export interface AuthorizationRequest {
  /** The caller's ARN: `arn:aws:iam::111122223333:user/<access key>`. */
  readonly principal: string;
  /** As `elasticloadbalancing:RegisterTargets`. */
  readonly action: string;
  readonly resource: string;
  /** Tags in the request: `aws:RequestTag`. */
  readonly requestTags: ReadonlyMap<string, string>;
  /** Tags of the resource: `aws:ResourceTag`; empty where it is about to be made. */
  readonly resourceTags: ReadonlyMap<string, string>;
  /** For the `AddTags` that goes with a tagged create: `elasticloadbalancing:CreateAction`. */
  readonly createAction?: string;
}

/** Says whether a call may be made. */
export type Authorize = (request: AuthorizationRequest) => boolean;

interface Check {
  world: World;
  caller: Caller;
  action: Action;
  name: string;
  input: Input;
  denied: ReadonlySet<string>;
  authorize?: Authorize;
  findTagged(world: World, arn: string): { readonly tags: ReadonlyMap<string, string> };
}

/** Raises `AccessDenied` in AWS's words where the call may not be made. */
export function checkAuthorized(check: Check): void {
  const { world, name, input, denied, authorize } = check;
  if (denied.size === 0 && !authorize) return;
  const requestTags = new Map(
    (input.structs('Tags') ?? []).map(tag => [tag.text('Key') ?? '', tag.text('Value') ?? '']),
  );
  const principal = `arn:${world.partition}:iam::${world.account}:user/${check.caller.accessKeyId}`;
  const ask = (actionName: string, resource: string, createAction?: string) => {
    const action = `elasticloadbalancing:${actionName}`;
    const resourceTags = tagsOf(check, resource);
    const allowed =
      !denied.has(actionName) &&
      // What is not there has no tags to be judged by: the action itself answers that it is not there (E).
      (resourceTags === undefined ||
        (authorize?.({
          principal,
          action,
          resource,
          requestTags,
          resourceTags,
          ...(createAction === undefined ? {} : { createAction }),
        }) ??
          true));
    if (allowed) return;
    throw new AwsError(
      'AccessDenied',
      `User: ${principal} is not authorized to perform: ${action} on resource: ${resource} because no identity-based policy allows the ${action} action`,
      403,
    );
  };
  const resources = check.action.resources(world, input);
  for (const resource of resources) ask(name, resource);
  // A create with tags needs AddTags too, on what is about to be made (D, "Tag resources on creation").
  if (!name.startsWith('Create') || requestTags.size === 0) return;
  for (const resource of resources) ask('AddTags', name === 'CreateListener' ? listenersOf(resource) : resource, name);
}

/** The ARN of any listener of a load balancer. */
function listenersOf(loadBalancerArn: string): string {
  return `${loadBalancerArn.replace(':loadbalancer/', ':listener/')}/*`;
}

/** Reads the setting `deny`: actions joined by commas. */
export function denyActions(text: string): ReadonlySet<string> {
  return new Set(
    text
      .split(',')
      .map(name => name.trim())
      .filter(name => name !== ''),
  );
}

/** None for a pattern, as of what is about to be made; undefined for what does not exist. */
function tagsOf(check: Check, arn: string): ReadonlyMap<string, string> | undefined {
  if (arn.includes('*')) return new Map();
  try {
    return check.findTagged(check.world, arn).tags;
  } catch {
    return undefined;
  }
}
