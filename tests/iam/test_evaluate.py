"""Decisions, their deciding statements and AWS's sentences."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab_helpers.iam.evaluate import (
    AccessRequest,
    Decision,
    NamedPolicy,
    Outcome,
    PolicySet,
    PolicyType,
    evaluate,
)

from .builders import ACCOUNT, OBJECT, OTHER_ACCOUNT, ROLE, ROOT, SESSION, USER, identity, request, resource, statement

ALLOW_ALL = identity(statement("Allow", Sid="All"))
STREAM = f"arn:aws:logs:ap-northeast-1:{ACCOUNT}:log-group:/ecs/firelens/httpd:log-stream:from-x"


def deciding(decision: Decision) -> tuple[str, str]:
    """The policy and Sid that decided."""
    assert decision.decided_by is not None
    return decision.decided_by.policy_name, decision.decided_by.sid


def test_nothing_is_allowed_without_a_policy_in_awss_words() -> None:
    """The default is an implicit deny, told in AWS's sentence."""
    decision = evaluate(request("logs:PutLogEvents", STREAM), PolicySet())
    assert (decision.allowed, decision.outcome, decision.decided_by) == (False, Outcome.IMPLICIT_DENY, None)
    assert decision.message == (
        f"User: {SESSION} is not authorized to perform: logs:PutLogEvents on resource: {STREAM} "
        "because no identity-based policy allows the logs:PutLogEvents action"
    )
    assert (decision.error_code, decision.http_status) == ("AccessDeniedException", 400)


def test_an_allow_names_its_statement() -> None:
    """A decision tells policy, Sid and place of the statement that decided."""
    policies = PolicySet((identity(statement("Allow", "ec2:*")), identity(statement("Allow", "s3:Get*", Sid="Read"))))
    decision = evaluate(request(), policies)
    assert decision.allowed
    assert decision.message == ""
    assert deciding(decision) == ("own", "Read")
    assert str(decision.decided_by) == "own / Read"


def test_an_explicit_deny_wins_and_is_named() -> None:
    """A Deny beats every Allow, and its sentence says where it is; S3 puts its resource in quotes."""
    policies = PolicySet((ALLOW_ALL, identity(statement("Deny", "s3:*", Sid="NoS3"), name="guard")))
    decision = evaluate(request(), policies)
    assert (decision.outcome, decision.policy_type) == (Outcome.EXPLICIT_DENY, PolicyType.IDENTITY)
    assert deciding(decision) == ("guard", "NoS3")
    assert decision.message == (
        f"User: {SESSION} is not authorized to perform: s3:GetObject on resource: "
        f'"{OBJECT}" with an explicit deny in an identity-based policy'
    )
    assert (decision.error_code, decision.http_status) == ("AccessDenied", 403)


def test_ec2_opens_its_sentence_in_its_own_way() -> None:
    """EC2 has a code and an opening of its own."""
    decision = evaluate(request("ec2:DescribeVpcs", "*"), PolicySet())
    assert decision.error_code == "UnauthorizedOperation"
    assert decision.message.startswith("You are not authorized to perform this operation. User: arn:aws:sts::")


IAM = f"arn:aws:iam::{ACCOUNT}"


@pytest.mark.parametrize(
    ("action", "arn", "shown"),
    [
        ("ec2:DescribeVpcs", "*", ""),
        ("elasticloadbalancing:DescribeLoadBalancers", "*", ""),
        ("s3:ListAllMyBuckets", "arn:aws:s3:::*", ""),
        ("s3:ListBucket", "arn:aws:s3:::logs", ' on resource: "arn:aws:s3:::logs"'),
        ("ecr:GetAuthorizationToken", "*", " on resource: *"),
        ("ecs:ListTasks", "*", " on resource: *"),
        ("iam:ListRoles", f"{IAM}:role/", f" on resource: {IAM}:role/"),
        ("iam:ListPolicies", f"{IAM}:policy/", " on resource: policy path /"),
        ("iam:GetRole", f"{IAM}:role/path/r", " on resource: role r"),
        ("iam:PassRole", f"{IAM}:role/r", f" on resource: {IAM}:role/r"),
        ("iam:CreateRole", f"{IAM}:role/r", f" on resource: {IAM}:role/r"),
        ("iam:GetPolicy", f"{IAM}:policy/p", f" on resource: policy {IAM}:policy/p"),
        ("iam:CreatePolicy", f"{IAM}:policy/p", " on resource: policy p"),
        ("iam:GetAccountSummary", "*", " on resource: *"),
    ],
)
def test_services_show_their_resources_differently(action: str, arn: str, shown: str) -> None:
    """What stands behind "on resource" is each service's own habit, taken from real denials."""
    message = evaluate(request(action, arn), PolicySet()).message
    assert message.endswith(f"perform: {action}{shown} because no identity-based policy allows the {action} action")


def test_actions_ignore_case_and_resources_do_not() -> None:
    """IAM compares actions without case, ARNs with it."""
    assert evaluate(request(), PolicySet((identity(statement("Allow", "S3:getOBJECT")),))).allowed
    upper = identity(statement("Allow", "s3:*", OBJECT.upper().replace("ARN:AWS:S3", "arn:aws:s3")))
    assert not evaluate(request(), PolicySet((upper,))).allowed


@pytest.mark.parametrize(
    ("own", "allowed"),
    [
        ({"NotAction": "iam:*", "Resource": "*"}, True),
        ({"NotAction": "s3:*", "Resource": "*"}, False),
        ({"Action": "*", "NotResource": "arn:aws:s3:::secret/*"}, True),
        ({"Action": "*", "NotResource": "arn:aws:s3:::logs/*"}, False),
        ({"Action": "*", "NotResource": "arn:aws:s3:::${aws:username}/*"}, False),
        ({"Action": "*", "Resource": "arn:aws:s3:::${aws:username}/*"}, False),
        ({"Action": "*", "Resource": "arn:aws:s3:::${aws:username, 'logs'}/*"}, True),
    ],
)
def test_not_elements_name_everything_else(own: dict[str, Any], allowed: bool) -> None:
    """NotAction and NotResource turn the sense round; a variable without value grants nothing either way."""
    assert evaluate(request(), PolicySet((identity({"Effect": "Allow", **own}),))).allowed is allowed


@pytest.mark.parametrize("element", ["Action", "Resource"])
def test_an_empty_list_names_nothing(element: str) -> None:
    """AWS accepts empty lists; such a statement has no effect, with Not… it excepts nothing."""
    empty = {"Effect": "Allow", "Action": "*", "Resource": "*", element: []}
    assert not evaluate(request(), PolicySet((identity(empty),))).allowed
    excepting = {key: value for key, value in empty.items() if key != element} | {f"Not{element}": []}
    assert evaluate(request(), PolicySet((identity(excepting),))).allowed
    assert not evaluate(request(), PolicySet((identity(),))).allowed


def test_what_the_principal_says_of_itself_is_in_the_context() -> None:
    """aws:username, aws:PrincipalArn, aws:PrincipalAccount and aws:PrincipalType need not be given."""
    home = identity(statement("Allow", "s3:*", "arn:aws:s3:::logs/${aws:username}/*"))
    assert evaluate(request(arn="arn:aws:s3:::logs/mia/x", principal=USER), PolicySet((home,))).allowed
    by_role = statement("Allow", Condition={"ArnEquals": {"aws:PrincipalArn": ROLE}})
    assert evaluate(request(), PolicySet((identity(by_role),))).allowed
    given_path = request(aws__PrincipalArn=ROLE.replace("role/", "role/path/"))
    assert not evaluate(given_path, PolicySet((identity(by_role),))).allowed


def test_variables_are_plain_text_in_a_policy_of_2008() -> None:
    """Only version 2012-10-17 replaces variables."""
    home = identity(statement("Allow", "s3:*", "arn:aws:s3:::logs/${aws:username}/*"), version="2008-10-17")
    assert not evaluate(request(arn="arn:aws:s3:::logs/mia/x", principal=USER), PolicySet((home,))).allowed


def test_a_boundary_limits_what_own_policies_grant() -> None:
    """Both the own policies and the boundary must allow; the sentence names the boundary."""
    decision = evaluate(request(), PolicySet((ALLOW_ALL,), boundary=identity(statement("Allow", "logs:*"))))
    assert decision.outcome is Outcome.IMPLICIT_DENY
    assert decision.message.endswith(" because no permissions boundary allows the s3:GetObject action")
    denied = evaluate(request(), PolicySet((ALLOW_ALL,), boundary=identity(statement("Deny", Sid="Never"))))
    assert denied.message.endswith(" with an explicit deny in a permissions boundary")
    assert not evaluate(request(), PolicySet(boundary=ALLOW_ALL)).allowed, "a boundary grants nothing"


@pytest.mark.parametrize(
    ("principal", "named", "allowed"),
    [
        (SESSION, ROLE, True),
        (SESSION, ROLE.replace("role/", "role/with/path/"), True),
        (SESSION, SESSION, True),
        (SESSION, "*", True),
        (SESSION, ROOT, False),
        (SESSION, ACCOUNT, False),
        (SESSION, ROLE + "2", False),
        (SESSION, SESSION + "2", False),
        (SESSION, ROLE.replace(ACCOUNT, OTHER_ACCOUNT), False),
        (USER, USER, True),
        (USER, ROLE, False),
        (ROOT, ROOT, True),
    ],
)
def test_a_bucket_policy_grants_by_itself_in_its_account(principal: str, named: str, allowed: bool) -> None:
    """Naming role, session, user or everyone grants; naming the account leaves it to the account's own policies."""
    bucket = resource(statement("Allow", "s3:*", Principal={"AWS": named}))
    assert evaluate(request(principal=principal), PolicySet(resource=bucket)).allowed is allowed


def test_a_boundary_limits_a_grant_to_the_role_but_not_to_the_session() -> None:
    """A resource policy that names the role session itself reaches past the role's permissions boundary."""
    boundary = identity(statement("Allow", "logs:*"))
    for caller, named, allowed in ((SESSION, ROLE, False), (SESSION, SESSION, True), (ROLE, ROLE, False)):
        bucket = resource(statement("Allow", "s3:*", Principal={"AWS": named}))
        decision = evaluate(request(principal=caller), PolicySet(resource=bucket, boundary=boundary))
        assert decision.allowed is allowed
        assert decision.policy_type is (PolicyType.RESOURCE if allowed else PolicyType.BOUNDARY)


def test_a_bucket_policy_denies_whom_it_names() -> None:
    """An explicit deny in the bucket policy beats own policies; the account's name covers its roles."""
    bucket = resource(statement("Deny", "s3:*", Sid="Closed", Principal={"AWS": ROOT}))
    decision = evaluate(request(), PolicySet((ALLOW_ALL,), bucket))
    assert decision.message.endswith(" with an explicit deny in a resource-based policy")
    assert deciding(decision) == ("bucket policy", "Closed")
    other = request(principal=USER.replace(ACCOUNT, OTHER_ACCOUNT))
    assert evaluate(other, PolicySet((ALLOW_ALL,), bucket)).outcome is Outcome.IMPLICIT_DENY


def test_not_principal_spares_whom_it_names() -> None:
    """A Deny with NotPrincipal hits everyone but the role it names; naming the account spares its root only."""
    for named, allowed in ((ROLE, True), (ROOT, False), (USER, False)):
        bucket = resource(statement("Deny", "s3:*", NotPrincipal={"AWS": named}))
        assert evaluate(request(), PolicySet((ALLOW_ALL,), bucket)).allowed is allowed


def test_another_account_needs_both_sides() -> None:
    """Across accounts the caller's own policies and the resource's must allow."""
    stranger = AccessRequest(SESSION.replace(ACCOUNT, OTHER_ACCOUNT), ACCOUNT, "s3:GetObject", OBJECT)
    bucket = resource(statement("Allow", "s3:*", Principal={"AWS": OTHER_ACCOUNT}))
    assert evaluate(stranger, PolicySet((ALLOW_ALL,), bucket)).allowed
    by_role = resource(statement("Allow", "s3:*", Principal={"AWS": ROLE.replace(ACCOUNT, OTHER_ACCOUNT)}))
    for named in (bucket, by_role):
        assert evaluate(stranger, PolicySet((), named)).policy_type is PolicyType.IDENTITY
    missing = evaluate(stranger, PolicySet((ALLOW_ALL,)))
    assert missing.message.endswith(" because no resource-based policy allows the s3:GetObject action")


def test_a_service_is_allowed_by_the_resource_policy_alone() -> None:
    """The load balancer writes its access log because the bucket policy names its service, or its account's root."""
    service = "logdelivery.elasticloadbalancing.amazonaws.com"
    bucket = resource(
        statement("Allow", "s3:PutObject", "arn:aws:s3:::alb/*", Principal={"Service": service}),
        statement("Allow", "s3:PutObject", "arn:aws:s3:::alb/*", Principal={"AWS": "arn:aws:iam::582318560864:root"}),
    )
    for principal in (service, "arn:aws:iam::582318560864:root"):
        put = request("s3:PutObject", "arn:aws:s3:::alb/a", principal)
        assert evaluate(put, PolicySet(resource=bucket)).allowed
        assert not evaluate(put, PolicySet()).allowed
    other = request("s3:PutObject", "arn:aws:s3:::alb/a", "firehose.amazonaws.com")
    assert evaluate(other, PolicySet(resource=bucket)).message.startswith(
        "Service Principal: firehose.amazonaws.com is"
    )


def test_the_root_user_needs_no_policy_but_obeys_the_bucket() -> None:
    """An account's root user has no policies of its own; a bucket policy can still deny it."""
    root = request(principal=ROOT)
    assert evaluate(root, PolicySet()).allowed
    assert not evaluate(root, PolicySet(resource=resource(statement("Deny", "s3:*", Principal="*")))).allowed


def test_the_firehose_role_of_the_article_is_broken_by_errortest_and_healed() -> None:
    """The article's fault: its S3 resources get `:errortest` behind the bucket, so the delivery is denied."""
    actions = ["s3:AbortMultipartUpload", "s3:GetBucketLocation", "s3:GetObject", "s3:ListBucket", "s3:PutObject"]
    for suffix, allowed in (("", True), (":errortest", False)):
        resources = [f"arn:aws:s3:::dev-firelens{suffix}", f"arn:aws:s3:::dev-firelens{suffix}/*"]
        role = identity(statement("Allow", actions, resources, Sid="S3Access"))
        put = request("s3:PutObject", "arn:aws:s3:::dev-firelens/2024/01/01/00/x.gz")
        assert evaluate(put, PolicySet((role,))).allowed is allowed


ACTIONS = st.sampled_from(["*", "s3:*", "s3:Get*", "s3:PutObject", "logs:*"])
RESOURCES = st.sampled_from(["*", "arn:aws:s3:::logs/*", OBJECT, "arn:aws:s3:::other/*"])


def statements(effects: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, Any]]:
    """Statements over few actions and resources, so that they meet."""
    return st.builds(statement, effects, ACTIONS, RESOURCES)


EITHER = st.sampled_from(["Allow", "Deny"])
POLICIES = st.lists(st.builds(identity, statements(EITHER)), max_size=5).map(tuple)


@settings(max_examples=150, deadline=None)
@given(POLICIES, st.data())
def test_the_order_of_policies_does_not_matter(policies: tuple[NamedPolicy, ...], data: st.DataObject) -> None:
    """Policies are a set: the outcome is the same in every order."""
    shuffled = tuple(data.draw(st.permutations(policies)))
    assert evaluate(request(), PolicySet(policies)).outcome is evaluate(request(), PolicySet(shuffled)).outcome


@settings(max_examples=150, deadline=None)
@given(POLICIES, statements(EITHER), st.none() | st.builds(identity, statements(EITHER)))
def test_a_matching_deny_always_wins(
    policies: tuple[NamedPolicy, ...], last: dict[str, Any], boundary: NamedPolicy | None
) -> None:
    """Adding an Allow never takes a deny back; adding a matching Deny always denies."""
    before = evaluate(request(), PolicySet(policies, boundary=boundary))
    after = evaluate(request(), PolicySet((*policies, identity({**last, "Effect": "Allow"})), boundary=boundary))
    assert (before.outcome is Outcome.EXPLICIT_DENY) is (after.outcome is Outcome.EXPLICIT_DENY)
    denied = PolicySet((*policies, identity(statement("Deny", "s3:GetObject", OBJECT))), boundary=boundary)
    assert evaluate(request(), denied).outcome is Outcome.EXPLICIT_DENY


@settings(max_examples=150, deadline=None)
@given(POLICIES, st.builds(identity, statements(EITHER)))
def test_a_boundary_never_adds_a_permission(policies: tuple[NamedPolicy, ...], boundary: NamedPolicy) -> None:
    """With a boundary, what is allowed is a part of what was allowed without."""
    bounded = evaluate(request(), PolicySet(policies, boundary=boundary))
    assert evaluate(request(), PolicySet(policies)).allowed or not bounded.allowed
