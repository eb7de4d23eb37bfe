"""What a case works with, and the list of all cases."""

import itertools
import os
import socket

import boto3
import botocore.config
import botocore.exceptions

API = "ELBv2 API reference"
GUIDE = "NLB user guide"
BOTO3 = "boto3 reference, ElasticLoadBalancingv2"
EC2 = "EC2 API reference"
SIGV4 = "IAM user guide, Signature Version 4"

cases = []
accounts = itertools.count(100000000001)


def case(page):
    """Registers a function as a case: its docstring is the title, `page` the AWS page it comes from."""

    def register(run):
        cases.append((run.__doc__.strip(), page, run))
        return run

    return register


class Bench:
    """One empty account for one case; what it opens is closed by `close`."""

    def __init__(self):
        self.account = str(next(accounts))
        self.url = os.environ["AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2"]
        self.elb = self.client("elbv2")
        self.ec2 = self.client("ec2")
        self.open = []
        self.balancers = []

    def client(self, service, region="us-east-1", **config):
        config.setdefault("retries", {"total_max_attempts": 1})
        return boto3.client(
            service,
            region_name=region,
            aws_access_key_id=self.account,
            aws_secret_access_key="any",
            config=botocore.config.Config(**config),
        )

    def balancer(self, name="game", **more):
        asked = {"Type": "network", "Subnets": ["subnet-1"], **more}
        made = self.elb.create_load_balancer(Name=name, **asked)["LoadBalancers"][0]
        self.balancers.append(made["LoadBalancerArn"])
        return made

    def group(self, name="rooms", **more):
        asked = {"Protocol": "TCP", "Port": 7000, "VpcId": "vpc-1", "TargetType": "ip", **more}
        return self.elb.create_target_group(Name=name, **asked)["TargetGroups"][0]

    def listener(self, balancer, group, port=30001, **more):
        action = {"Type": "forward", "TargetGroupArn": group["TargetGroupArn"]}
        asked = {"Protocol": group["Protocol"], "DefaultActions": [action], **more}
        arn = balancer["LoadBalancerArn"]
        return self.elb.create_listener(LoadBalancerArn=arn, Port=port, **asked)["Listeners"][0]

    def room(self):
        """A server that a TCP health check finds healthy: its address as a target."""
        server = socket.create_server(("127.0.0.1", 0))
        self.open.append(server)
        return {"Id": "127.0.0.1", "Port": server.getsockname()[1]}

    def close(self):
        for server in self.open:
            server.close()
        for arn in self.balancers:
            self.elb.delete_load_balancer(LoadBalancerArn=arn)


def refused(code, call, **parameters):
    """Makes a call that must end in this error code; returns the exception."""
    try:
        call(**parameters)
    except botocore.exceptions.ClientError as error:
        said = error.response["Error"]["Code"]
        assert said == code, f"refused as {said}, wanted {code}: {error}"
        return error
    raise AssertionError(f"succeeded, wanted {code}")


def same(found, wanted):
    assert found == wanted, f"found {found!r}, wanted {wanted!r}"
