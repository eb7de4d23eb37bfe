"""Requests that are signed, unsigned, large, malformed, or for what does not exist."""

import datetime
import urllib.error
import urllib.request
from unittest import mock

import botocore
import botocore.auth
import botocore.exceptions

from .bench import API, SIGV4, case, refused, same


def post(bench, body, **headers):
    """Sends bytes as they are, with the head of a signature; the status and the text of the answer."""
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{bench.account}/{now[:8]}/us-east-1/elasticloadbalancing/aws4_request"
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Amz-Date": now,
        "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
        **headers,
    }
    try:
        with urllib.request.urlopen(urllib.request.Request(bench.url, body, headers)) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@case(f"{SIGV4}: query parameters")
def presigned(bench):
    """a request signed in its URL is answered"""
    bench.group()
    url = bench.elb.generate_presigned_url("describe_target_groups", HttpMethod="GET")
    with urllib.request.urlopen(url) as answer:
        assert "<TargetGroupName>rooms</TargetGroupName>" in answer.read().decode()


@case(f"{API}, Common errors: MissingAuthenticationToken")
def unsigned(bench):
    """an unsigned request is refused with status 403"""
    client = bench.client("elbv2", signature_version=botocore.UNSIGNED)
    error = refused("MissingAuthenticationToken", client.describe_target_groups)
    same(error.response["ResponseMetadata"]["HTTPStatusCode"], 403)


@case(f"{SIGV4}: time stamp within five minutes")
def expired(bench):
    """a signature of an hour ago is refused with status 403"""
    past = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)
    with mock.patch("botocore.auth.get_current_datetime", return_value=past.replace(tzinfo=None)):
        error = refused("SignatureDoesNotMatch", bench.elb.describe_target_groups)
    same(error.response["ResponseMetadata"]["HTTPStatusCode"], 403)


@case(f"{API}, Common errors: IncompleteSignature")
def incomplete(bench):
    """a signature without its parts is IncompleteSignature"""
    body = b"Action=DescribeTargetGroups&Version=2015-12-01"
    status, text = post(bench, body, Authorization="AWS4-HMAC-SHA256 Credential=x")
    same((status, "<Code>IncompleteSignature</Code>" in text), (400, True))


@case(f"{API}, Common errors: InvalidAction, MissingAction")
def unknown_action(bench):
    """an action or a version that does not exist is InvalidAction, none at all MissingAction"""
    for body, code in (
        (b"Action=DescribeDragons&Version=2015-12-01", "InvalidAction"),
        (b"Action=DescribeTargetGroups&Version=2012-06-01", "InvalidAction"),
        (b"Action=__proto__&Version=2015-12-01", "InvalidAction"),
        (b"Version=2015-12-01", "MissingAction"),
        (b"", "MissingAction"),
    ):
        status, text = post(bench, body)
        same((body, status, f"<Code>{code}</Code>" in text), (body, 400, True))


@case(f"{API}, Common errors: MalformedQueryString, ValidationError")
def malformed(bench):
    """bodies that are no form are refused below status 500"""
    action = b"Action=RegisterTargets&Version=2015-12-01&"
    for body in (
        b"\x00\xff\xfe%%%&&&===",
        b'{"Action":"DescribeTargetGroups"}',
        action + b"Targets=1",
        action + b"Targets.member.1.Id.member.2.Id.member.3=1",
        action + b"TargetGroupArn=%ff%00&Targets.member.-1.Id=1",
        action + b"a.b" * 40,
        action + b"Targets.member.99999999999.Id=10.0.0.1",
    ):
        status, text = post(bench, body)
        assert 400 <= status < 500 and "<Code>" in text, (body, status, text)


@case(f"{API}, Tag: key of 128 characters, value of 256")
def tag_limits(bench):
    """a tag of 128 and 256 characters outside ASCII comes back whole; one more is refused"""
    arn = bench.group()["TargetGroupArn"]
    tag = {"Key": "ключ" * 32, "Value": "値" * 256}
    bench.elb.add_tags(ResourceArns=[arn], Tags=[tag])
    same(bench.elb.describe_tags(ResourceArns=[arn])["TagDescriptions"][0]["Tags"], [tag])
    refused("ValidationError", bench.elb.add_tags, ResourceArns=[arn], Tags=[{"Key": "k" * 129, "Value": ""}])
    refused("ValidationError", bench.elb.add_tags, ResourceArns=[arn], Tags=[{"Key": "k", "Value": "v" * 257}])


@case(f"{API}, AddTags, Errors: TooManyTags; NLB user guide, Quotas")
def many_tags(bench):
    """fifty tags fit, and one more raises TooManyTagsException"""
    arn = bench.group()["TargetGroupArn"]
    tags = [{"Key": f"key-{n}", "Value": "v" * 256} for n in range(50)]
    bench.elb.add_tags(ResourceArns=[arn], Tags=tags)
    same(len(bench.elb.describe_tags(ResourceArns=[arn])["TagDescriptions"][0]["Tags"]), 50)
    error = refused("TooManyTags", bench.elb.add_tags, ResourceArns=[arn], Tags=[{"Key": "more", "Value": ""}])
    assert isinstance(error, bench.elb.exceptions.TooManyTagsException), type(error)


@case("NLB user guide, Quotas: 1,000 targets per target group; ELBv2 API reference, RegisterTargets, Errors")
def many_targets(bench):
    """hundreds of targets are registered by a hundred in a call; the 1,001st is one too many"""
    arn = bench.group()["TargetGroupArn"]
    targets = [{"Id": f"10.1.{n // 250}.{n % 250 + 1}", "Port": 7000} for n in range(1001)]
    for start in range(0, 1000, 100):
        bench.elb.register_targets(TargetGroupArn=arn, Targets=targets[start : start + 100])
    found = bench.elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
    same(len(found), 1000)
    error = refused("TooManyTargets", bench.elb.register_targets, TargetGroupArn=arn, Targets=targets[1000:])
    assert isinstance(error, bench.elb.exceptions.TooManyTargetsException), type(error)


@case("AWS SDKs reference, Retry behavior: standard mode")
def retries(bench):
    """a client that retries sees an answer for each call that is refused for good only once"""
    client = bench.client("elbv2", retries={"mode": "standard", "total_max_attempts": 3})
    error = refused("TargetGroupNotFound", client.describe_target_groups, Names=["none"])
    same(error.response["ResponseMetadata"]["RetryAttempts"], 0)
