#!/usr/bin/env bash
# Gives the operator its AWS permissions by EKS Pod Identity: policy, role, and the association with its service account.
set -euo pipefail
# shellcheck source=deploy/iam/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/deploy/iam/lib.sh"

usage() {
  cat <<'END'
Usage: ./setup-pod-identity.sh --cluster NAME --load-balancer ARN [--load-balancer ARN ...]
       ./setup-pod-identity.sh --cluster NAME --load-balancer-tag KEY=VALUE
       ./setup-pod-identity.sh --cluster NAME --delete

Gives the operator of nlbports its AWS permissions by EKS Pod Identity. It can be run again at any time: what is there
already is brought to what it has to be. Needs the AWS CLI, and the add-on eks-pod-identity-agent on the cluster.

  --cluster NAME             the EKS cluster
  --load-balancer ARN        a Network Load Balancer on which listeners may be made; may be repeated
  --load-balancer-tag K=V    instead: every Network Load Balancer with this tag
  --region REGION            region of the cluster; else what the AWS CLI has
  --namespace NAME           of the service account (nlbports-system)
  --service-account NAME     (nlbports)
  --role-name NAME           of role and policy (nlbports-CLUSTER)
  --cluster-id ID            as the operator's --cluster-id; else the UID of kube-system, asked by kubectl
  --context NAME             context of kubectl
  --dry-run                  print what would be changed, and change nothing
  --delete                   take association, role and policy away
END
}

read_arguments "$@"
read_account

association_id() {
  aws eks list-pod-identity-associations --cluster-name "$cluster" --namespace "$namespace" \
    --service-account "$service_account" --query 'associations[0].associationId' --output text
}

if [ "$delete" = true ]; then
  id=$(association_id)
  if [ "$id" != None ]; then
    outcome "Association $id" deleted
    change aws eks delete-pod-identity-association --cluster-name "$cluster" --association-id "$id"
  fi
  delete_role_and_policy
  exit 0
fi

read_cluster_id
found aws eks describe-addon --cluster-name "$cluster" --addon-name eks-pod-identity-agent ||
  say "The add-on eks-pod-identity-agent is not on $cluster: pods get no credentials before it is (EKS Auto Mode has it built in)."

ensure_policy
ensure_role "$(
  cat <<END
{
  "Version": "2012-10-17",
  "Statement": [{
    "Effect": "Allow",
    "Principal": { "Service": "pods.eks.amazonaws.com" },
    "Action": ["sts:AssumeRole", "sts:TagSession"],
    "Condition": { "StringEquals": {
      "aws:SourceAccount": "$account",
      "aws:RequestTag/eks-cluster-name": "$cluster",
      "aws:RequestTag/kubernetes-namespace": "$namespace",
      "aws:RequestTag/kubernetes-service-account": "$service_account"
    } }
  }]
}
END
)"

id=$(association_id)
if [ "$id" = None ]; then
  outcome "Association of $namespace/$service_account" made
  say "Pods take it up when they start: kubectl -n $namespace rollout restart deployment"
  change aws eks create-pod-identity-association --cluster-name "$cluster" --namespace "$namespace" \
    --service-account "$service_account" --role-arn "$role_arn"
else
  say "Association $id: there; its role is written again."
  change aws eks update-pod-identity-association --cluster-name "$cluster" --association-id "$id" --role-arn "$role_arn"
fi
