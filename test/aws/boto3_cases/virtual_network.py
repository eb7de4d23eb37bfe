"""What clients of load balancers ask of EC2, about the one VPC."""

import ipaddress

from .bench import EC2, GUIDE, case, refused, same


@case(f"{EC2}, DescribeSubnets")
def subnets(bench):
    """the subnets of the VPC are found by VPC and tag, each in a zone and a network of its own"""
    found = bench.ec2.describe_subnets(
        Filters=[
            {"Name": "vpc-id", "Values": ["vpc-1"]},
            {"Name": "tag:kubernetes.io/role/internal-elb", "Values": ["", "1"]},
        ]
    )["Subnets"]
    assert len(found) >= 3, found
    same(len({each["AvailabilityZone"] for each in found}), len(found))
    vpc = bench.ec2.describe_vpcs(VpcIds=["vpc-1"])["Vpcs"][0]
    for each in found:
        same([each["VpcId"], each["State"], each["OwnerId"]], ["vpc-1", "available", bench.account])
        assert ipaddress.ip_network(each["CidrBlock"]).subnet_of(ipaddress.ip_network(vpc["CidrBlock"])), each


@case(f"{EC2}, DescribeSubnets, SubnetId.N; ELBv2 API reference, AvailabilityZone")
def same_zone(bench):
    """a subnet is in the zone that its load balancers show, whoever names it first"""
    first = bench.ec2.describe_subnets(SubnetIds=["subnet-0aa"])["Subnets"][0]["AvailabilityZone"]
    zones = bench.balancer(Subnets=["subnet-0aa", "subnet-0bb"])["AvailabilityZones"]
    shown = {zone["SubnetId"]: zone["ZoneName"] for zone in zones}
    same(shown["subnet-0aa"], first)
    second = bench.ec2.describe_subnets(SubnetIds=["subnet-0bb"])["Subnets"][0]
    same(shown["subnet-0bb"], second["AvailabilityZone"])
    known = {zone["ZoneName"]: zone for zone in bench.ec2.describe_availability_zones()["AvailabilityZones"]}
    same(known[first]["State"], "available")
    same(known[second["AvailabilityZone"]]["ZoneId"], second["AvailabilityZoneId"])


@case(f"{EC2}, DescribeAvailabilityZones")
def zones(bench):
    """zones have a name, an id of the form use1-az1 and their region"""
    found = bench.ec2.describe_availability_zones(ZoneNames=["us-east-1a"])["AvailabilityZones"]
    same([(each["ZoneName"], each["ZoneId"], each["RegionName"]) for each in found],
         [("us-east-1a", "use1-az1", "us-east-1")])
    sydney = bench.client("ec2", region="ap-southeast-2").describe_availability_zones()["AvailabilityZones"]
    same(sydney[0]["ZoneId"], "apse2-az1")


@case(f"{EC2}, DescribeVpcs")
def vpc(bench):
    """there is one VPC; another is InvalidVpcID.NotFound"""
    same([each["VpcId"] for each in bench.ec2.describe_vpcs()["Vpcs"]], ["vpc-1"])
    error = refused("InvalidVpcID.NotFound", bench.ec2.describe_vpcs, VpcIds=["vpc-2"])
    same(error.response["ResponseMetadata"]["HTTPStatusCode"], 400)


@case(f"{EC2}, DescribeSecurityGroups")
def security_groups(bench):
    """the groups of a load balancer are found by id, and all let everything through"""
    bench.balancer(SecurityGroups=["sg-0a", "sg-0b"])
    listed = {each["GroupId"] for each in bench.ec2.describe_security_groups()["SecurityGroups"]}
    assert {"sg-0a", "sg-0b"} <= listed, listed
    found = bench.ec2.describe_security_groups(GroupIds=["sg-0a"])["SecurityGroups"]
    same([each["VpcId"] for each in found], ["vpc-1"])
    same(found[0]["IpPermissions"][0]["IpRanges"], [{"CidrIp": "0.0.0.0/0"}])
    refused("InvalidGroup.NotFound", bench.ec2.describe_security_groups, GroupIds=["group"])


@case(f"{GUIDE}, Network Load Balancers: network interfaces; {EC2}, DescribeNetworkInterfaces")
def interfaces(bench):
    """a load balancer's interfaces are found by their description and carry its addresses"""
    balancer = bench.balancer(Subnets=["subnet-1", "subnet-2"], SecurityGroups=["sg-0a"])
    bench.balancer("other")
    name = balancer["LoadBalancerArn"].split("loadbalancer/")[1]
    found = bench.ec2.describe_network_interfaces(
        Filters=[{"Name": "description", "Values": [f"ELB {name}"]}]
    )["NetworkInterfaces"]
    wanted = {
        zone["SubnetId"]: (zone["ZoneName"], zone["LoadBalancerAddresses"][0]["IpAddress"])
        for zone in balancer["AvailabilityZones"]
    }
    same({each["SubnetId"]: (each["AvailabilityZone"], each["Association"]["PublicIp"]) for each in found}, wanted)
    for each in found:
        same([each["InterfaceType"], each["Status"], each["RequesterManaged"]],
             ["network_load_balancer", "in-use", True])
        same([group["GroupId"] for group in each["Groups"]], ["sg-0a"])
        subnet = bench.ec2.describe_subnets(SubnetIds=[each["SubnetId"]])["Subnets"][0]
        assert ipaddress.ip_address(each["PrivateIpAddress"]) in ipaddress.ip_network(subnet["CidrBlock"]), each
    bench.elb.delete_load_balancer(LoadBalancerArn=balancer["LoadBalancerArn"])
    left = bench.ec2.describe_network_interfaces()["NetworkInterfaces"]
    same(len(left), 1)
    refused("InvalidNetworkInterfaceID.NotFound", bench.ec2.describe_network_interfaces,
            NetworkInterfaceIds=[found[0]["NetworkInterfaceId"]])


@case(f"{GUIDE}, Network Load Balancers: internal load balancers have private addresses only")
def internal(bench):
    """an internal load balancer's interface has the address that its clients use"""
    balancer = bench.balancer(Scheme="internal")
    found = bench.ec2.describe_network_interfaces()["NetworkInterfaces"]
    address = balancer["AvailabilityZones"][0]["LoadBalancerAddresses"][0]["IpAddress"]
    same([(each["PrivateIpAddress"], "Association" in each) for each in found], [(address, False)])


@case("EC2 user guide, List and filter using the CLI and API")
def wildcards(bench):
    """filters take * and ?, all of them must fit, and an unknown one is refused"""
    for name in ("red-1", "red-2", "blue-1"):
        bench.balancer(name)

    def count(*filters):
        asked = [{"Name": name, "Values": values} for name, values in filters]
        return len(bench.ec2.describe_network_interfaces(Filters=asked)["NetworkInterfaces"])

    same(count(("description", ["ELB net/red-*"])), 2)
    same(count(("description", ["ELB net/red-?/*", "ELB net/blue-1/*"])), 3)
    same(count(("description", ["ELB net/red-*"]), ("subnet-id", ["subnet-2"])), 0)
    refused("InvalidParameterValue", bench.ec2.describe_network_interfaces,
            Filters=[{"Name": "colour", "Values": ["red"]}])


@case("boto3 reference, EC2, Paginator DescribeNetworkInterfaces; EC2 API reference, MaxResults")
def pages(bench):
    """twelve interfaces come in pages of five; a page of 1,001 is refused"""
    for n in range(4):
        bench.balancer(f"game-{n}", Subnets=["subnet-1", "subnet-2", "subnet-3"])
    pages = list(
        bench.ec2.get_paginator("describe_network_interfaces").paginate(PaginationConfig={"PageSize": 5})
    )
    same([len(page["NetworkInterfaces"]) for page in pages], [5, 5, 2])
    same(len({each["NetworkInterfaceId"] for page in pages for each in page["NetworkInterfaces"]}), 12)
    refused("InvalidParameterValue", bench.ec2.describe_network_interfaces, MaxResults=1001)


@case(f"{EC2}, Error codes: InvalidAction, DryRunOperation")
def unknown(bench):
    """an action of EC2 that is not imitated is InvalidAction; a dry run says that it would have succeeded"""
    refused("InvalidAction", bench.ec2.describe_instances)
    error = refused("DryRunOperation", bench.ec2.describe_vpcs, DryRun=True)
    same(error.response["ResponseMetadata"]["HTTPStatusCode"], 412)
