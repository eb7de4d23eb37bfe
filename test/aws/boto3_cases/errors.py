"""Error codes as botocore's exceptions: it finds the class by the code in its model of the API."""

from .bench import API, BOTO3, case, refused, same

MISSING = "0123456789abcdef"


def missing_arn(bench, kind, name="none"):
    return f"arn:aws:elasticloadbalancing:us-east-1:{bench.account}:{kind}/{name}/{MISSING}"


@case(f"{API}, DescribeLoadBalancers, Errors; {BOTO3}, Exceptions")
def balancer_not_found(bench):
    """a missing load balancer raises LoadBalancerNotFoundException, with status 400"""
    error = refused("LoadBalancerNotFound", bench.elb.describe_load_balancers, Names=["none"])
    assert isinstance(error, bench.elb.exceptions.LoadBalancerNotFoundException), type(error)
    same(error.response["ResponseMetadata"]["HTTPStatusCode"], 400)
    same(error.response["Error"]["Type"], "Sender")
    same(len(error.response["ResponseMetadata"]["RequestId"]), 36)


@case(f"{API}, DescribeTargetGroups, DescribeTargetHealth, Errors")
def group_not_found(bench):
    """a missing target group raises TargetGroupNotFoundException from each call that names one"""
    arn = missing_arn(bench, "targetgroup")
    for call, asked in (
        (bench.elb.describe_target_groups, {"Names": ["none"]}),
        (bench.elb.describe_target_health, {"TargetGroupArn": arn}),
        (bench.elb.register_targets, {"TargetGroupArn": arn, "Targets": [{"Id": "10.0.0.1", "Port": 1}]}),
        (bench.elb.deregister_targets, {"TargetGroupArn": arn, "Targets": [{"Id": "10.0.0.1", "Port": 1}]}),
    ):
        error = refused("TargetGroupNotFound", call, **asked)
        assert isinstance(error, bench.elb.exceptions.TargetGroupNotFoundException), type(error)


@case(f"{API}, DeleteListener, Errors")
def listener_not_found(bench):
    """a missing listener raises ListenerNotFoundException"""
    arn = missing_arn(bench, "listener", f"net/none/{MISSING}")
    error = refused("ListenerNotFound", bench.elb.delete_listener, ListenerArn=arn)
    assert isinstance(error, bench.elb.exceptions.ListenerNotFoundException), type(error)


@case(f"{API}, CreateLoadBalancer, CreateTargetGroup, CreateListener, Errors")
def duplicates(bench):
    """the same name or port with other settings raises the Duplicate exceptions"""
    balancer, group = bench.balancer(), bench.group()
    bench.listener(balancer, group)
    error = refused("DuplicateLoadBalancerName", bench.balancer, Scheme="internal")
    assert isinstance(error, bench.elb.exceptions.DuplicateLoadBalancerNameException), type(error)
    error = refused("DuplicateTargetGroupName", bench.group, Port=7001)
    assert isinstance(error, bench.elb.exceptions.DuplicateTargetGroupNameException), type(error)
    other = bench.group("other", Protocol="UDP")
    error = refused("DuplicateListener", bench.listener, balancer=balancer, group=other)
    assert isinstance(error, bench.elb.exceptions.DuplicateListenerException), type(error)


@case(f"{API}, DeleteTargetGroup, Errors")
def in_use(bench):
    """a target group behind a listener is ResourceInUse, and can go after it"""
    group = bench.group()
    arn = bench.listener(bench.balancer(), group)["ListenerArn"]
    error = refused("ResourceInUse", bench.elb.delete_target_group, TargetGroupArn=group["TargetGroupArn"])
    assert isinstance(error, bench.elb.exceptions.ResourceInUseException), type(error)
    bench.elb.delete_listener(ListenerArn=arn)
    bench.elb.delete_target_group(TargetGroupArn=group["TargetGroupArn"])


@case(f"{API}, DeleteLoadBalancer, Errors")
def protected(bench):
    """deletion protection raises OperationNotPermittedException"""
    arn = bench.balancer()["LoadBalancerArn"]
    key = "deletion_protection.enabled"
    bench.elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=[{"Key": key, "Value": "true"}])
    error = refused("OperationNotPermitted", bench.elb.delete_load_balancer, LoadBalancerArn=arn)
    assert isinstance(error, bench.elb.exceptions.OperationNotPermittedException), type(error)
    bench.elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=[{"Key": key, "Value": "false"}])


@case(f"{API}, CreateListener, Errors; NLB user guide, Quotas")
def too_many(bench):
    """the fifty-first listener raises TooManyListenersException"""
    balancer, group = bench.balancer(), bench.group()
    for port in range(30001, 30051):
        bench.listener(balancer, group, port)
    error = refused("TooManyListeners", bench.listener, balancer=balancer, group=group, port=30051)
    assert isinstance(error, bench.elb.exceptions.TooManyListenersException), type(error)


@case(f"{API}, RegisterTargets, Errors")
def invalid_target(bench):
    """a public address as a target raises InvalidTargetException"""
    group = bench.group()
    error = refused("InvalidTarget", bench.elb.register_targets, TargetGroupArn=group["TargetGroupArn"],
                    Targets=[{"Id": "8.8.8.8", "Port": 1}])
    assert isinstance(error, bench.elb.exceptions.InvalidTargetException), type(error)


@case(f"{API}, Common errors: ValidationError")
def wrong_arn(bench):
    """a text that is no ARN of the kind is a ValidationError"""
    refused("ValidationError", bench.elb.describe_target_health, TargetGroupArn="rooms")
    refused("ValidationError", bench.elb.describe_load_balancers,
            LoadBalancerArns=[missing_arn(bench, "targetgroup")])
