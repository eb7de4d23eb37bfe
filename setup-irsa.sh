#!/usr/bin/env bash
# Gives the operator its AWS permissions by IRSA: OIDC provider, policy, role, and the service account's annotation.
set -euo pipefail
# shellcheck source=deploy/iam/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/deploy/iam/lib.sh"

usage() {
  cat <<'END'
Usage: ./setup-irsa.sh --cluster NAME --load-balancer ARN [--load-balancer ARN ...]
       ./setup-irsa.sh --cluster NAME --load-balancer-tag KEY=VALUE
       ./setup-irsa.sh --cluster NAME --delete

Gives the operator of nlbports its AWS permissions by IAM Roles for Service Accounts. It can be run again at any time:
what is there already is brought to what it has to be. Needs the AWS CLI, and kubectl for the annotation.

  --cluster NAME             the EKS cluster
  --load-balancer ARN        a Network Load Balancer on which listeners may be made; may be repeated
  --load-balancer-tag K=V    instead: every Network Load Balancer with this tag
  --region REGION            region of the cluster; else what the AWS CLI has
  --namespace NAME           of the service account (nlbports-system)
  --service-account NAME     (nlbports)
  --role-name NAME           of role and policy (nlbports-CLUSTER)
  --cluster-id ID            as the operator's --cluster-id; else the UID of kube-system, asked by kubectl
  --context NAME             context of kubectl
  --no-annotate              leave the service account alone, and print the annotation
  --dry-run                  print what would be changed, and change nothing
  --delete                   take role, policy and annotation away; the OIDC provider stays, as others may use it
END
}

read_arguments "$@"
read_account

annotation=eks.amazonaws.com/role-arn

has_service_account() {
  [ "$annotate" = true ] && command -v kubectl >/dev/null &&
    found kubectl_ -n "$namespace" get serviceaccount "$service_account"
}

annotate_service_account() {
  if has_service_account; then
    outcome "Service account $namespace/$service_account" annotated
    say "Pods take it up when they start: kubectl -n $namespace rollout restart deployment"
    change kubectl ${context:+--context "$context"} -n "$namespace" annotate --overwrite serviceaccount "$service_account" "$annotation=$role_arn"
  else
    say "Service account $namespace/$service_account: install with --set aws.roleArn=$role_arn"
  fi
}

if [ "$delete" = true ]; then
  if has_service_account; then
    outcome "Service account $namespace/$service_account" 'left without its annotation'
    change kubectl ${context:+--context "$context"} -n "$namespace" annotate serviceaccount "$service_account" "$annotation-"
  fi
  delete_role_and_policy
  exit 0
fi

read_cluster_id
issuer=$(aws eks describe-cluster --name "$cluster" --query cluster.identity.oidc.issuer --output text)
[ "$issuer" != None ] || die "the cluster $cluster has no OIDC issuer."
provider=${issuer#https://}
provider_arn=arn:$partition:iam::$account:oidc-provider/$provider

if found aws iam get-open-id-connect-provider --open-id-connect-provider-arn "$provider_arn"; then
  say "OIDC provider $provider_arn: there."
else
  outcome "OIDC provider $provider_arn" made
  change aws iam create-open-id-connect-provider --url "$issuer" --client-id-list sts.amazonaws.com
fi

ensure_policy
ensure_role "$(
  cat <<END
{
  "Version": "2012-10-17",
  "Statement": [{
    "Effect": "Allow",
    "Principal": { "Federated": "$provider_arn" },
    "Action": "sts:AssumeRoleWithWebIdentity",
    "Condition": { "StringEquals": {
      "$provider:aud": "sts.amazonaws.com",
      "$provider:sub": "system:serviceaccount:$namespace:$service_account"
    } }
  }]
}
END
)"
annotate_service_account
