"""What a client in the manner of the TargetGroupBinding controller asks."""

from .bench import API, GUIDE, case, refused, same


def states(bench, arn, **more):
    found = bench.elb.describe_target_health(TargetGroupArn=arn, **more)["TargetHealthDescriptions"]
    return {(each["Target"]["Id"], each["Target"]["Port"]): each["TargetHealth"] for each in found}


@case(f"{API}, DescribeTargetGroups, TargetGroup")
def looks_up_group(bench):
    """a group found by ARN tells type, protocol, address type and VPC"""
    arn = bench.group(Protocol="UDP")["TargetGroupArn"]
    found = bench.elb.describe_target_groups(TargetGroupArns=[arn])["TargetGroups"][0]
    same([found[key] for key in ("TargetType", "Protocol", "IpAddressType", "VpcId", "LoadBalancerArns")],
         ["ip", "UDP", "ipv4", "vpc-1", []])


@case(f"{API}, RegisterTargets: \"multiple times using different ports\"; TargetHealth, Reason")
def reconciles(bench):
    """targets are registered and deregistered until the group is as wanted, and each says why it is as it is"""
    arn = bench.group()["TargetGroupArn"]
    first, second, third = [{"Id": f"10.0.0.{n}", "Port": 7000 + n} for n in (1, 2, 3)]
    bench.elb.register_targets(TargetGroupArn=arn, Targets=[first, second])
    found = states(bench, arn)
    same({key: health["State"] for key, health in found.items()},
         {("10.0.0.1", 7001): "unused", ("10.0.0.2", 7002): "unused"})
    same(found[("10.0.0.1", 7001)]["Reason"], "Target.NotInUse")
    bench.elb.register_targets(TargetGroupArn=arn, Targets=[third])
    bench.elb.deregister_targets(TargetGroupArn=arn, Targets=[first])
    same(sorted(states(bench, arn)), [("10.0.0.2", 7002), ("10.0.0.3", 7003)])


@case(f"{GUIDE}, Target groups, IP address type: one family for each group, IPv6 on dualstack load balancers alone")
def families(bench):
    """a group of IPv6 addresses takes no others, and serves a dualstack load balancer alone"""
    group = bench.group(IpAddressType="ipv6")
    same(group["IpAddressType"], "ipv6")
    arn = group["TargetGroupArn"]
    bench.elb.register_targets(TargetGroupArn=arn, Targets=[{"Id": "fd00::1", "Port": 7001}])
    same(list(states(bench, arn)), [("fd00::1", 7001)])
    refused("ValidationError", bench.elb.register_targets, TargetGroupArn=arn, Targets=[{"Id": "10.0.0.1"}])
    balancer = bench.balancer()
    forward = [{"Type": "forward", "TargetGroupArn": arn}]
    asked = {"LoadBalancerArn": balancer["LoadBalancerArn"], "Protocol": "TCP", "Port": 30000, "DefaultActions": forward}
    refused("InvalidConfigurationRequest", bench.elb.create_listener, **asked)
    bench.elb.set_ip_address_type(LoadBalancerArn=balancer["LoadBalancerArn"], IpAddressType="dualstack")
    same(bench.elb.create_listener(**asked)["Listeners"][0]["Port"], 30000)


@case(f"{API}, RegisterTargets: the default port is the group's; {API}, DeregisterTargets")
def without_port(bench):
    """a target without a port has the group's; deregistering twice succeeds"""
    arn = bench.group()["TargetGroupArn"]
    bench.elb.register_targets(TargetGroupArn=arn, Targets=[{"Id": "10.0.0.9"}])
    same(list(states(bench, arn)), [("10.0.0.9", 7000)])
    for _ in range(2):
        bench.elb.deregister_targets(TargetGroupArn=arn, Targets=[{"Id": "10.0.0.9"}])
    same(states(bench, arn), {})


@case(f"{API}, TargetHealth: Target.NotRegistered")
def asks_for_one(bench):
    """a target that was never registered is unused, Target.NotRegistered"""
    arn = bench.group()["TargetGroupArn"]
    found = states(bench, arn, Targets=[{"Id": "10.0.0.7", "Port": 7}])
    same([found[("10.0.0.7", 7)][key] for key in ("State", "Reason")], ["unused", "Target.NotRegistered"])


@case(f"{GUIDE}, Deregistration delay; {API}, TargetHealth: Target.DeregistrationInProgress")
def drains(bench):
    """a target in service that is deregistered drains, and says so"""
    group = bench.group()
    arn = group["TargetGroupArn"]
    bench.listener(bench.balancer(), group)
    target = bench.room()
    bench.elb.register_targets(TargetGroupArn=arn, Targets=[target])
    bench.elb.get_waiter("target_in_service").wait(
        TargetGroupArn=arn, Targets=[target], WaiterConfig={"Delay": 1, "MaxAttempts": 20}
    )
    bench.elb.deregister_targets(TargetGroupArn=arn, Targets=[target])
    health = states(bench, arn)[(target["Id"], target["Port"])]
    same([health["State"], health["Reason"]], ["draining", "Target.DeregistrationInProgress"])
