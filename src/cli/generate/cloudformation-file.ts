import { stringify } from 'yaml';
import { iamPolicy } from '../../aws/iam-policy.ts';

/** `deploy/iam/cloudformation.yaml`: policy, role, and the association of EKS Pod Identity, with parameters. */
export function cloudFormationFile(): string {
  const { Statement } = iamPolicy({
    partition: `${mark}{AWS::Partition}`,
    clusterId: `${mark}{ClusterId}`,
    targetGroupPrefix: `nlbp-${mark}{ClusterHash}-`,
    loadBalancerArns: ['LOAD_BALANCERS'],
  });
  const text = stringify(Statement, {
    lineWidth: 0,
    aliasDuplicateObjects: false,
    defaultStringType: 'QUOTE_DOUBLE',
    defaultKeyType: 'PLAIN',
  })
    // The one place where a list is put in whole.
    .replace(/Resource:\n\s+- "LOAD_BALANCERS"/, 'Resource: !Ref LoadBalancerArns')
    .replace(/("[^"\n]*\$\{[^"\n]*")/g, '!Sub $1');
  return template.replace('STATEMENTS', text.trimEnd().replace(/^/gm, '          ').trimStart());
}

// A dollar sign of CloudFormation, not of a template literal.
const mark = '$';

const template = `# Generated from src/cli/generate/cloudformation-file.ts by "npm run generate".
# The same as setup-irsa.sh and setup-pod-identity.sh, for those who keep their account in CloudFormation. The OIDC provider
# of the cluster (for IRSA) has to be there already. The statements are those of policy.json; a test compares them.
AWSTemplateFormatVersion: "2010-09-09"
Description: AWS permissions of the nlbports operator in one EKS cluster
Parameters:
  ClusterName:
    Type: String
    Description: Name of the EKS cluster.
  ClusterId:
    Type: String
    Description: UID of the namespace kube-system, or what the operator has as --cluster-id.
  ClusterHash:
    Type: String
    AllowedPattern: "[0-9a-f]{8}"
    Description: The first 8 hexadecimal digits of the SHA-256 of ClusterId.
  LoadBalancerArns:
    Type: CommaDelimitedList
    Description: ARNs of the Network Load Balancers on which listeners may be made.
  OidcProvider:
    Type: String
    Default: ""
    Description: For IRSA, the cluster's issuer without https://. Empty for EKS Pod Identity.
  Namespace:
    Type: String
    Default: nlbports-system
  ServiceAccount:
    Type: String
    Default: nlbports
Conditions:
  PodIdentity: !Equals [!Ref OidcProvider, ""]
Resources:
  Policy:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      Description: What the nlbports operator calls, and nothing else
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          STATEMENTS
  Role:
    Type: AWS::IAM::Role
    Properties:
      ManagedPolicyArns: [!Ref Policy]
      # A text, as the keys of the conditions hold a parameter.
      AssumeRolePolicyDocument: !If
        - PodIdentity
        - Fn::Sub: |
            { "Version": "2012-10-17", "Statement": [{ "Effect": "Allow",
              "Principal": { "Service": "pods.eks.amazonaws.com" },
              "Action": ["sts:AssumeRole", "sts:TagSession"],
              "Condition": { "StringEquals": {
                "aws:SourceAccount": "\${AWS::AccountId}",
                "aws:RequestTag/eks-cluster-name": "\${ClusterName}",
                "aws:RequestTag/kubernetes-namespace": "\${Namespace}",
                "aws:RequestTag/kubernetes-service-account": "\${ServiceAccount}" } } }] }
        - Fn::Sub: |
            { "Version": "2012-10-17", "Statement": [{ "Effect": "Allow",
              "Principal": { "Federated": "arn:\${AWS::Partition}:iam::\${AWS::AccountId}:oidc-provider/\${OidcProvider}" },
              "Action": "sts:AssumeRoleWithWebIdentity",
              "Condition": { "StringEquals": {
                "\${OidcProvider}:aud": "sts.amazonaws.com",
                "\${OidcProvider}:sub": "system:serviceaccount:\${Namespace}:\${ServiceAccount}" } } }] }
  Association:
    Type: AWS::EKS::PodIdentityAssociation
    Condition: PodIdentity
    Properties:
      ClusterName: !Ref ClusterName
      Namespace: !Ref Namespace
      ServiceAccount: !Ref ServiceAccount
      RoleArn: !GetAtt Role.Arn
Outputs:
  RoleArn:
    Description: For IRSA, the value aws.roleArn of the chart.
    Value: !GetAtt Role.Arn
`;
