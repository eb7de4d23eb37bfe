"""boto3's paginators."""

from .bench import API, BOTO3, case, refused, same


@case(f"{BOTO3}, Paginator DescribeLoadBalancers")
def balancers(bench):
    """five load balancers come in pages of two, each once"""
    names = [f"game-{n}" for n in range(5)]
    for name in names:
        bench.balancer(name)
    pages = list(bench.elb.get_paginator("describe_load_balancers").paginate(PaginationConfig={"PageSize": 2}))
    same([len(page["LoadBalancers"]) for page in pages], [2, 2, 1])
    same(sorted(each["LoadBalancerName"] for page in pages for each in page["LoadBalancers"]), names)


@case(f"{BOTO3}, Paginator DescribeTargetGroups")
def groups(bench):
    """a group made while pages are read makes no other come twice or be lost"""
    for n in range(4):
        bench.group(f"rooms-{n}")
    seen = []
    for page in bench.elb.get_paginator("describe_target_groups").paginate(PaginationConfig={"PageSize": 2}):
        seen += [each["TargetGroupName"] for each in page["TargetGroups"]]
        if len(seen) == 2:
            bench.group("between")
    same(len(seen), len(set(seen)))
    assert {f"rooms-{n}" for n in range(4)} <= set(seen), seen


@case(f"{BOTO3}, Paginator DescribeListeners")
def listeners(bench):
    """seven listeners come in pages of three, and a search reads over all of them"""
    balancer, group = bench.balancer(), bench.group()
    for port in range(30001, 30008):
        bench.listener(balancer, group, port)
    paginator = bench.elb.get_paginator("describe_listeners")
    asked = {"LoadBalancerArn": balancer["LoadBalancerArn"], "PaginationConfig": {"PageSize": 3}}
    pages = list(paginator.paginate(**asked))
    same(sorted(paginator.paginate(**asked).search("Listeners[].Port")), list(range(30001, 30008)))
    same([len(page["Listeners"]) for page in pages], [3, 3, 1])


@case(f"{BOTO3}, Paginator DescribeTargetGroups, MaxItems and StartingToken")
def resumed(bench):
    """reading stops after MaxItems and goes on from its token"""
    for n in range(5):
        bench.group(f"rooms-{n}")
    paginator = bench.elb.get_paginator("describe_target_groups")
    first = paginator.paginate(PaginationConfig={"PageSize": 2, "MaxItems": 3}).build_full_result()
    rest = paginator.paginate(
        PaginationConfig={"PageSize": 2, "StartingToken": first["NextToken"]}
    ).build_full_result()
    names = [each["TargetGroupName"] for each in first["TargetGroups"] + rest["TargetGroups"]]
    same(len(first["TargetGroups"]), 3)
    same(sorted(names), [f"rooms-{n}" for n in range(5)])


@case(f"{API}, DescribeTargetGroups, PageSize: \"Minimum value of 1. Maximum value of 400\"")
def page_size(bench):
    """a page of 401 is refused"""
    refused("ValidationError", bench.elb.describe_target_groups, PageSize=401)
    refused("ValidationError", bench.elb.describe_target_groups, Marker="no-such-marker")
