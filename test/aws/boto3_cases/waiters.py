"""boto3's waiters, which know the answers and error codes that AWS gives."""

import threading
import time

import botocore.exceptions

from .bench import BOTO3, case, same

SOON = {"Delay": 1, "MaxAttempts": 20}


@case(f"{BOTO3}, Waiter LoadBalancerExists")
def exists(bench):
    """load_balancer_exists waits until another client has made it"""
    timer = threading.Timer(0.3, bench.balancer)
    timer.start()
    bench.elb.get_waiter("load_balancer_exists").wait(Names=["game"], WaiterConfig=SOON)
    timer.join()


@case(f"{BOTO3}, Waiter LoadBalancerAvailable")
def available(bench):
    """load_balancer_available ends when the state is active"""
    arn = bench.balancer()["LoadBalancerArn"]
    bench.elb.get_waiter("load_balancer_available").wait(LoadBalancerArns=[arn], WaiterConfig=SOON)
    same(bench.elb.describe_load_balancers()["LoadBalancers"][0]["State"], {"Code": "active"})


@case(f"{BOTO3}, Waiter LoadBalancersDeleted")
def deleted(bench):
    """load_balancers_deleted ends when the load balancer is gone"""
    arn = bench.balancer()["LoadBalancerArn"]
    bench.elb.delete_load_balancer(LoadBalancerArn=arn)
    bench.elb.get_waiter("load_balancers_deleted").wait(LoadBalancerArns=[arn], WaiterConfig=SOON)


@case(f"{BOTO3}, Waiter TargetInService")
def in_service(bench):
    """target_in_service ends when the health check has found the server"""
    group = bench.group()
    bench.listener(bench.balancer(), group)
    target = bench.room()
    bench.elb.register_targets(TargetGroupArn=group["TargetGroupArn"], Targets=[target])
    waiter = bench.elb.get_waiter("target_in_service")
    waiter.wait(TargetGroupArn=group["TargetGroupArn"], Targets=[target], WaiterConfig=SOON)


@case(f"{BOTO3}, Waiter TargetDeregistered")
def deregistered(bench):
    """target_deregistered waits through draining until the delay is over"""
    group = bench.group()
    arn = group["TargetGroupArn"]
    delay = {"Key": "deregistration_delay.timeout_seconds", "Value": "1"}
    bench.elb.modify_target_group_attributes(TargetGroupArn=arn, Attributes=[delay])
    bench.listener(bench.balancer(), group)
    target = bench.room()
    bench.elb.register_targets(TargetGroupArn=arn, Targets=[target])
    bench.elb.get_waiter("target_in_service").wait(TargetGroupArn=arn, Targets=[target], WaiterConfig=SOON)
    began = time.monotonic()
    bench.elb.deregister_targets(TargetGroupArn=arn, Targets=[target])
    bench.elb.get_waiter("target_deregistered").wait(TargetGroupArn=arn, Targets=[target], WaiterConfig=SOON)
    assert time.monotonic() - began >= 0.9, "no draining was seen"


@case(f"{BOTO3}, Waiter TargetInService")
def never_in_service(bench):
    """target_in_service gives up on a target where nothing answers"""
    group = bench.group()
    bench.listener(bench.balancer(), group)
    target = bench.room()
    bench.open[-1].close()
    bench.elb.register_targets(TargetGroupArn=group["TargetGroupArn"], Targets=[target])
    try:
        bench.elb.get_waiter("target_in_service").wait(
            TargetGroupArn=group["TargetGroupArn"], Targets=[target], WaiterConfig={"Delay": 1, "MaxAttempts": 2}
        )
    except botocore.exceptions.WaiterError:
        return
    raise AssertionError("the waiter saw a target that is not there in service")
