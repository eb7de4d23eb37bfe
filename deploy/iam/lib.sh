# shellcheck shell=bash
# shellcheck disable=SC2034 # the scripts that source this read what is set here
# What setup-irsa.sh and setup-pod-identity.sh share: arguments, the policy, the role. To be sourced by them.

iam_folder=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

cluster='' region='' namespace=nlbports-system service_account=nlbports role_name='' cluster_id='' context=''
balancers=() balancer_tag='' dry_run=false delete=false annotate=true

die() {
  echo "${0##*/}: $*" >&2
  exit 2
}

say() { echo "$*"; }

# outcome THING WORD: what becomes of something, as "made"; in a dry run, what would.
outcome() {
  if [ "$dry_run" = true ]; then say "$1: would be $2."; else say "$1: $2."; fi
}

# The same arguments for both scripts.
read_arguments() {
  while [ $# -gt 0 ]; do
    case $1 in
      --cluster | --region | --namespace | --service-account | --role-name | --cluster-id | --load-balancer | --load-balancer-tag | --context)
        if [ -z "${2:-}" ]; then die "$1 wants a value."; fi
        case $1 in
          --cluster) cluster=$2 ;;
          --region) region=$2 ;;
          --namespace) namespace=$2 ;;
          --service-account) service_account=$2 ;;
          --role-name) role_name=$2 ;;
          --cluster-id) cluster_id=$2 ;;
          --load-balancer) balancers+=("$2") ;;
          --load-balancer-tag) balancer_tag=$2 ;;
          --context) context=$2 ;;
        esac
        shift 2
        ;;
      --dry-run) dry_run=true && shift ;;
      --delete) delete=true && shift ;;
      --no-annotate) annotate=false && shift ;;
      -h | --help) usage && exit 0 ;;
      *) die "does not know $1. Try --help." ;;
    esac
  done
  [ -n "$cluster" ] || die 'wants --cluster NAME.'
  [[ $cluster =~ ^[0-9A-Za-z][0-9A-Za-z_-]*$ ]] || die "--cluster $cluster is not the name of an EKS cluster."
  [[ $namespace =~ ^[0-9a-z-]+$ && $service_account =~ ^[0-9a-z.-]+$ ]] || die 'wants names of Kubernetes in --namespace and --service-account.'
  role_name=${role_name:-nlbports-$cluster}
  [[ $role_name =~ ^[0-9A-Za-z+=,.@_-]{1,64}$ ]] || die "the role's name $role_name is not of 1 to 64 letters, digits or +=,.@_-: set --role-name."
  if [ "$delete" = false ]; then
    [ ${#balancers[@]} -gt 0 ] || [ -n "$balancer_tag" ] || die 'wants --load-balancer ARN (several may be given) or --load-balancer-tag KEY=VALUE.'
    [ ${#balancers[@]} -eq 0 ] || [ -z "$balancer_tag" ] || die 'wants --load-balancer or --load-balancer-tag, not both.'
    local arn
    for arn in ${balancers[@]+"${balancers[@]}"}; do
      [[ $arn =~ ^arn:[a-z-]+:elasticloadbalancing:[0-9a-z-]+:[0-9]{12}:loadbalancer/net/[0-9A-Za-z-]+/[0-9a-f]{16}$ ]] ||
        die "--load-balancer $arn is not the ARN of a Network Load Balancer."
    done
    [ -z "$balancer_tag" ] || [[ $balancer_tag =~ ^[0-9A-Za-z_.:/=+@-]+=[0-9A-Za-z_.:/=+@-]+$ ]] || die "--load-balancer-tag $balancer_tag is not KEY=VALUE."
  fi
  if [ -n "$region" ]; then export AWS_REGION=$region AWS_DEFAULT_REGION=$region; fi
  export AWS_PAGER=
}

# Carries a change out, or prints it in a dry run: as it could be pasted, and documents with their lines.
change() {
  if [ "$dry_run" = true ]; then
    local word quote="'\\''"
    printf 'Would run:'
    for word in "$@"; do
      if [[ $word =~ ^[0-9A-Za-z_./:=,@+-]+$ ]]; then printf ' %s' "$word"; else printf " '%s'" "${word//\'/$quote}"; fi
    done
    echo
  else
    "$@" >/dev/null
  fi
}

# macOS has it under another name.
sha256() { if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi; }

# Whether a reading call finds what it asks for. Any other failure than "there is none" ends the script.
found() {
  local said
  if said=$("$@" 2>&1 >/dev/null); then return 0; fi
  case $said in
    *NoSuchEntity* | *ResourceNotFoundException* | *NotFound*) return 1 ;;
  esac
  printf '%s\n' "$said" >&2
  exit 1
}

kubectl_() { kubectl ${context:+--context "$context"} "$@"; }

read_account() {
  local identity
  identity=$(aws sts get-caller-identity --query '[Account,Arn]' --output text)
  account=${identity%%[[:space:]]*}
  partition=$(cut -d: -f2 <<<"${identity#*[[:space:]]}")
  policy_arn=arn:$partition:iam::$account:policy/$role_name
  role_arn=arn:$partition:iam::$account:role/$role_name
}

# What tells this cluster's AWS resources from those of others: as the operator has it by default.
read_cluster_id() {
  if [ -z "$cluster_id" ]; then
    cluster_id=$(kubectl_ get namespace kube-system -o 'jsonpath={.metadata.uid}') ||
      die 'can not ask the cluster for the UID of kube-system: set --context, or --cluster-id if the operator has one.'
    local asked endpoint
    asked=$(kubectl_ config view --minify -o 'jsonpath={.clusters[0].cluster.server}')
    endpoint=$(aws eks describe-cluster --name "$cluster" --query cluster.endpoint --output text)
    # kubeconfig has the name of the host in lower case. A proxy or a tunnel is no error; a wrong context is.
    [ "$(tr '[:upper:]' '[:lower:]' <<<"${asked%/}")" = "$(tr '[:upper:]' '[:lower:]' <<<"${endpoint%/}")" ] ||
      say "Careful: kubectl asks $asked, and $cluster is at $endpoint. Is it the right context? See --context."
  fi
  say "Cluster id $cluster_id: what the operator logs as clusterId has to be the same."
}

# The shipped policy with everything put in.
policy_document() {
  local hash list='' arn text
  hash=$(printf %s "$cluster_id" | sha256 | cut -c1-8)
  text=$(cat "$iam_folder/policy.json")
  text=${text//PARTITION/$partition}
  text=${text//CLUSTER_ID/$cluster_id}
  text=${text//CLUSTER_HASH/$hash}
  if [ -n "$balancer_tag" ]; then
    list="arn:$partition:elasticloadbalancing:*:*:loadbalancer/net/*/*"
    # In the one statement that is about load balancers.
    local before=${text%%\"LOAD_BALANCER_ARN\"*} after=${text#*\"LOAD_BALANCER_ARN\"}
    after=${after/\"StringEquals\": \{/\"StringEquals\": \{ \"aws:ResourceTag/${balancer_tag%%=*}\": \"${balancer_tag#*=}\",}
    text=$before\"$list\"$after
  else
    for arn in "${balancers[@]}"; do list+="${list:+, }\"$arn\""; done
    text=${text/\"LOAD_BALANCER_ARN\"/$list}
  fi
  printf '%s\n' "$text"
}

ensure_policy() {
  local document sum known versions
  document=$(policy_document)
  sum=$(printf %s "$document" | sha256 | cut -c1-32)
  if ! found aws iam get-policy --policy-arn "$policy_arn"; then
    outcome "Policy $policy_arn" made
    change aws iam create-policy --policy-name "$role_name" --policy-document "$document" --tags Key=nlbports.dev/sum,Value="$sum"
    return
  fi
  known=$(aws iam list-policy-tags --policy-arn "$policy_arn" --query "Tags[?Key=='nlbports.dev/sum'].Value" --output text)
  if [ "$known" = "$sum" ]; then
    say "Policy $policy_arn: as it has to be."
    return
  fi
  outcome "Policy $policy_arn" changed
  # IAM keeps five versions.
  versions=$(aws iam list-policy-versions --policy-arn "$policy_arn" --query 'Versions[?!IsDefaultVersion].VersionId' --output text)
  for version in $versions; do change aws iam delete-policy-version --policy-arn "$policy_arn" --version-id "$version"; done
  change aws iam create-policy-version --policy-arn "$policy_arn" --policy-document "$document" --set-as-default
  change aws iam tag-policy --policy-arn "$policy_arn" --tags Key=nlbports.dev/sum,Value="$sum"
}

# ensure_role TRUST_DOCUMENT
ensure_role() {
  if found aws iam get-role --role-name "$role_name"; then
    say "Role $role_arn: there; its trust is written again."
    change aws iam update-assume-role-policy --role-name "$role_name" --policy-document "$1"
  else
    outcome "Role $role_arn" made
    change aws iam create-role --role-name "$role_name" --assume-role-policy-document "$1" \
      --description "nlbports in the EKS cluster $cluster"
  fi
  change aws iam attach-role-policy --role-name "$role_name" --policy-arn "$policy_arn"
}

delete_role_and_policy() {
  if found aws iam get-role --role-name "$role_name"; then
    outcome "Role $role_arn" deleted
    local arn
    for arn in $(aws iam list-attached-role-policies --role-name "$role_name" --query 'AttachedPolicies[].PolicyArn' --output text); do
      change aws iam detach-role-policy --role-name "$role_name" --policy-arn "$arn"
    done
    change aws iam delete-role --role-name "$role_name"
  else
    say "Role $role_arn: not there."
  fi
  if found aws iam get-policy --policy-arn "$policy_arn"; then
    outcome "Policy $policy_arn" deleted
    local version
    for version in $(aws iam list-policy-versions --policy-arn "$policy_arn" --query 'Versions[?!IsDefaultVersion].VersionId' --output text); do
      change aws iam delete-policy-version --policy-arn "$policy_arn" --version-id "$version"
    done
    change aws iam delete-policy --policy-arn "$policy_arn"
  else
    say "Policy $policy_arn: not there."
  fi
}
