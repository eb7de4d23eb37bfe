"""Every action of a full life."""

from .bench import API, GUIDE, case, same


@case(f"{API}, CreateLoadBalancer, DescribeLoadBalancers, DeleteLoadBalancer")
def balancer(bench):
    """a load balancer is created, described by name and ARN, and deleted"""
    made = bench.balancer(Scheme="internal", Subnets=["subnet-1", "subnet-2"])
    same(made["Type"], "network")
    same(made["Scheme"], "internal")
    same(made["VpcId"], "vpc-1")
    same([zone["SubnetId"] for zone in made["AvailabilityZones"]], ["subnet-1", "subnet-2"])
    assert made["DNSName"].endswith(".elb.us-east-1.amazonaws.com"), made["DNSName"]
    assert made["CreatedTime"].utcoffset().total_seconds() == 0
    arn = made["LoadBalancerArn"]
    assert arn.startswith(f"arn:aws:elasticloadbalancing:us-east-1:{bench.account}:loadbalancer/net/game/"), arn
    for asked in ({"Names": ["game"]}, {"LoadBalancerArns": [arn]}, {}):
        found = bench.elb.describe_load_balancers(**asked)["LoadBalancers"]
        same([each["LoadBalancerArn"] for each in found], [arn])
    bench.elb.delete_load_balancer(LoadBalancerArn=arn)
    same(bench.elb.describe_load_balancers()["LoadBalancers"], [])


@case(f"{API}, ModifyLoadBalancerAttributes, DescribeLoadBalancerAttributes")
def balancer_attributes(bench):
    """a load balancer's attributes are changed and shown"""
    arn = bench.balancer()["LoadBalancerArn"]
    wanted = {"Key": "load_balancing.cross_zone.enabled", "Value": "true"}
    changed = bench.elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=[wanted])
    assert wanted in changed["Attributes"], changed["Attributes"]
    shown = bench.elb.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
    assert wanted in shown and {"Key": "deletion_protection.enabled", "Value": "false"} in shown, shown


@case(f"{API}, SetSubnets")
def subnets(bench):
    """subnets are added to a load balancer, and the first zone keeps its address"""
    before = bench.balancer()
    answer = bench.elb.set_subnets(LoadBalancerArn=before["LoadBalancerArn"], Subnets=["subnet-1", "subnet-2"])
    zones = answer["AvailabilityZones"]
    same([zone["SubnetId"] for zone in zones], ["subnet-1", "subnet-2"])
    same(zones[0]["LoadBalancerAddresses"], before["AvailabilityZones"][0]["LoadBalancerAddresses"])


@case(f"{API}, SetSecurityGroups")
def security_groups(bench):
    """security groups are replaced on a load balancer that has some"""
    arn = bench.balancer(SecurityGroups=["sg-1"])["LoadBalancerArn"]
    same(bench.elb.set_security_groups(LoadBalancerArn=arn, SecurityGroups=["sg-2"])["SecurityGroupIds"], ["sg-2"])


@case(f"{API}, SetIpAddressType")
def ip_address_type(bench):
    """the address type becomes dualstack"""
    arn = bench.balancer()["LoadBalancerArn"]
    same(bench.elb.set_ip_address_type(LoadBalancerArn=arn, IpAddressType="dualstack")["IpAddressType"], "dualstack")


@case(f"{API}, CreateTargetGroup, ModifyTargetGroup, DescribeTargetGroups, DeleteTargetGroup")
def group(bench):
    """a target group is created with its defaults, modified and deleted"""
    made = bench.group(Protocol="UDP")
    same(
        [made[key] for key in ("HealthCheckProtocol", "HealthCheckPort", "HealthCheckIntervalSeconds")],
        ["TCP", "traffic-port", 30],
    )
    arn = made["TargetGroupArn"]
    changed = bench.elb.modify_target_group(TargetGroupArn=arn, HealthCheckPort="8080", HealthyThresholdCount=2)
    same(changed["TargetGroups"][0]["HealthCheckPort"], "8080")
    same(bench.elb.describe_target_groups(Names=["rooms"])["TargetGroups"][0]["HealthyThresholdCount"], 2)
    bench.elb.delete_target_group(TargetGroupArn=arn)
    same(bench.elb.describe_target_groups()["TargetGroups"], [])


@case(f"{API}, TargetGroupAttribute")
def group_attributes(bench):
    """a target group's attributes are changed and shown"""
    arn = bench.group()["TargetGroupArn"]
    wanted = {"Key": "deregistration_delay.timeout_seconds", "Value": "7"}
    bench.elb.modify_target_group_attributes(TargetGroupArn=arn, Attributes=[wanted])
    assert wanted in bench.elb.describe_target_group_attributes(TargetGroupArn=arn)["Attributes"]


@case(f"{API}, CreateListener, ModifyListener, DescribeListeners, DeleteListener")
def listener(bench):
    """a listener is created, moved to another target group and port, and deleted"""
    balancer, first, second = bench.balancer(), bench.group("first"), bench.group("second")
    arn = bench.listener(balancer, first)["ListenerArn"]
    same(bench.elb.describe_target_groups(Names=["first"])["TargetGroups"][0]["LoadBalancerArns"],
         [balancer["LoadBalancerArn"]])
    action = {"Type": "forward", "TargetGroupArn": second["TargetGroupArn"]}
    bench.elb.modify_listener(ListenerArn=arn, Port=30002, DefaultActions=[action])
    found = bench.elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    same([each["Port"] for each in found], [30002])
    same(found[0]["DefaultActions"][0]["TargetGroupArn"], second["TargetGroupArn"])
    bench.elb.delete_listener(ListenerArn=arn)
    same(bench.elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"], [])


@case(f"{API}, ModifyListenerAttributes, DescribeListenerAttributes")
def listener_attributes(bench):
    """a listener's idle time-out is changed and shown"""
    arn = bench.listener(bench.balancer(), bench.group())["ListenerArn"]
    wanted = {"Key": "tcp.idle_timeout.seconds", "Value": "120"}
    bench.elb.modify_listener_attributes(ListenerArn=arn, Attributes=[wanted])
    assert wanted in bench.elb.describe_listener_attributes(ListenerArn=arn)["Attributes"]


@case(f"{API}, AddTags, DescribeTags, RemoveTags")
def tags(bench):
    """tags are set at creation, added, shown for several resources at once, and removed"""
    first = bench.group("first", Tags=[{"Key": "owner", "Value": "game +1@sons"}])["TargetGroupArn"]
    second = bench.balancer()["LoadBalancerArn"]
    bench.elb.add_tags(ResourceArns=[first, second], Tags=[{"Key": "env", "Value": "tést 値"}])
    shown = bench.elb.describe_tags(ResourceArns=[first, second])["TagDescriptions"]
    by_arn = {each["ResourceArn"]: {tag["Key"]: tag["Value"] for tag in each["Tags"]} for each in shown}
    same(by_arn, {first: {"owner": "game +1@sons", "env": "tést 値"}, second: {"env": "tést 値"}})
    bench.elb.remove_tags(ResourceArns=[first], TagKeys=["env", "missing"])
    shown = bench.elb.describe_tags(ResourceArns=[first])["TagDescriptions"][0]["Tags"]
    same([tag["Key"] for tag in shown], ["owner"])


@case(f"{API}, DescribeAccountLimits; {GUIDE}, Quotas")
def account_limits(bench):
    """the account's limits are those of the quotas page"""
    limits = {each["Name"]: each["Max"] for each in bench.elb.describe_account_limits()["Limits"]}
    same(limits["listeners-per-network-load-balancer"], "50")
    same(limits["target-groups"], "3000")


@case(f"{GUIDE}, Target groups: resources belong to an account and a Region")
def regions(bench):
    """another region has none of this region's resources"""
    bench.group()
    same(bench.client("elbv2", region="eu-west-1").describe_target_groups()["TargetGroups"], [])
