"""Every guard refuses when it should, before anything is made."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab_helpers.account import cost, guards, operator_policy, quotas
from lab_helpers.backends.local import backend_of
from lab_helpers.base import config
from lab_helpers.base.clients import Clients
from lab_helpers.base.errors import GuardError, LabError, SettingsError
from lab_helpers.images.engines import Engine
from lab_helpers.lab import Lab
from tests.contract import labs
from tests.contract.conftest import ACCOUNT, NAMES, REGION, Account

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(autouse=True)
def builder(monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine may have no container engine; the guard that asks for one has a test of its own."""
    monkeypatch.setattr(guards, "find_engine", lambda: Engine("docker"))


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody sits in front of this run."""

    def no_terminal(_: str) -> str:
        raise EOFError

    monkeypatch.setattr("builtins.input", no_terminal)


def review(lab: Lab) -> guards.Review:
    found = lab.review()
    assert found is not None
    return found


def refused(lab: Lab) -> str:
    return "\n".join(review(lab).refusals)


def test_nothing_speaks_against_an_empty_account(account: Account, capsys: pytest.CaptureFixture[str]) -> None:
    """What is shown: account, alias, region, prefix, expiry, what is made, what it costs; not the account's number."""
    account.aws.client("iam").create_account_alias(AccountAlias="sandbox")
    lab = account.lab(accept_cost=True)
    lab.allow_creating()
    shown = capsys.readouterr().out
    for part in ("…9012 (sandbox)", REGION, "ann", lab.expires_on(), "Fargate", "USD an hour", "list prices of"):
        assert part in shown
    assert ACCOUNT not in shown


@pytest.mark.usefixtures("nobody")
def test_apply_asks_the_guards_before_terraform_runs(account: Account) -> None:
    """`lab.terraform.apply()` in a notebook is refused where nobody said yes; not one call has changed anything."""
    lab = account.lab()
    with pytest.raises(GuardError, match="LAB_ACCEPT_COST=true"):
        lab.terraform.apply()
    assert account.calls() == {}


@pytest.mark.parametrize("answer", ["", "no", "y", "YES PLEASE"])
def test_only_yes_is_yes(account: Account, answer: str) -> None:
    """Whatever else is typed, nothing is made."""
    lab = account.lab()
    with pytest.raises(GuardError, match="not yes"):
        guards.confirm(review(lab), lab.settings, ask=lambda _: answer)


def test_consent_is_asked_once_a_lab(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """The injected error and its healing are applies too: they do not ask again."""
    asked: list[str] = []

    def ask(question: str) -> str:
        asked.append(question)
        return "yes"

    monkeypatch.setattr("builtins.input", ask)
    lab = account.lab()
    lab.allow_creating()
    account.lab().allow_creating()
    assert len(asked) == 1
    assert "…9012" in asked[0]


def test_another_account_than_the_named_one_is_refused(account: Account) -> None:
    """The wrong profile is the commonest accident."""
    with pytest.raises(SettingsError, match=r"…0000.*…9012.*choose other credentials"):
        account.lab(aws_account="000000000000").backend.start()


def test_an_unnamed_account_is_refused(account: Account) -> None:
    """Nobody runs on an account without having said which; the number itself is not printed."""
    with pytest.raises(SettingsError, match="LAB_AWS_ACCOUNT") as caught:
        account.lab(aws_account="").backend.start()
    assert ACCOUNT not in str(caught.value)


def test_an_endpoint_left_over_is_refused(account: Account) -> None:
    """LAB_ENDPOINT_URL belongs to another backend."""
    with pytest.raises(SettingsError, match="unset for the backend aws"):
        account.lab(endpoint_url="http://127.0.0.1:4566").backend.start()


def test_endpoints_in_environment_or_profile_lead_nowhere(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """boto3 ignores them for an account: the clients go to AWS's own address."""
    profile = tmp_path / "config"
    profile.write_text(f"[default]\nregion = {REGION}\nendpoint_url = {account.aws.endpoint_url}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(profile))
    monkeypatch.setenv("AWS_ENDPOINT_URL", account.aws.endpoint_url)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", account.aws.endpoint_url)
    clients = Clients.account(REGION)
    assert clients.client("s3").meta.endpoint_url == f"https://s3.{REGION}.amazonaws.com"
    assert clients.client("sts").meta.endpoint_url.endswith(".amazonaws.com")


def test_aws_as_an_endpoint_is_refused() -> None:
    """The backend `endpoint` has no guards for an account, so it does not go to one."""
    settings = config.Settings(backend="endpoint", endpoint_url="https://sts.ap-northeast-1.amazonaws.com")
    with pytest.raises(SettingsError, match="LAB_BACKEND=aws"):
        backend_of(settings).start()


def test_dead_endpoint_is_said(tmp_path: Path) -> None:
    """An emulator that does not run is named with its setting."""
    settings = config.Settings(backend="endpoint", endpoint_url="http://127.0.0.1:9", home=tmp_path)
    with pytest.raises(LabError, match=r"http://127.0.0.1:9 \(LAB_ENDPOINT_URL\) does not answer"):
        backend_of(settings).start()


def test_an_endpoint_on_this_machine_costs_nothing(account: Account, tmp_path: Path) -> None:
    """LocalStack and the like are not asked about; one elsewhere is."""
    keys = account.aws.store.operator
    settings = config.Settings(
        backend="endpoint", endpoint_url=account.aws.endpoint_url, home=tmp_path,
        endpoint_access_key_id=keys.access_key_id, endpoint_secret_access_key=keys.secret_access_key,
    )  # fmt: skip
    backend = backend_of(settings)
    backend.start()
    assert not backend.needs_review
    elsewhere = config.Settings(backend="endpoint", endpoint_url="http://aws.example:4566")
    assert backend_of(elsewhere).needs_review
    assert backend_of(config.Settings(backend="aws")).needs_review
    assert not backend_of(config.Settings(backend="local", home=tmp_path)).needs_review


def test_missing_permission_is_refused_by_name(account: Account) -> None:
    """IAM's simulator is asked first: half a lab, made until the first denial, would be worse."""
    policy = operator_policy.document(NAMES)
    stream = next(s for s in policy["Statement"] if s["Sid"] == "DeliveryStream")
    stream["Action"] = [action for action in stream["Action"] if action != "firehose:CreateDeliveryStream"]
    lab = account.lab(account.user("half", policy))
    assert review(lab).refusals == [
        "you may not DeliveryStream: firehose:CreateDeliveryStream (`lab policy` prints what is needed; if IAM's "
        "simulator is wrong: LAB_CHECK_PERMISSIONS=false)"
    ]
    assert review(account.lab(lab.backend._clients, check_permissions=False)).refusals == []


def test_permissions_that_cannot_be_asked_are_a_remark(account: Account) -> None:
    """Not everybody may ask IAM; that is said, and no reason to refuse."""
    deny = {"Effect": "Deny", "Action": "iam:SimulatePrincipalPolicy", "Resource": "*"}
    allow = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    found = review(account.lab(account.user("modest", {"Version": "2012-10-17", "Statement": [allow, deny]})))
    assert found.refusals == []
    assert "your permissions could not be checked: SimulatePrincipalPolicy is not allowed" in found.remarks


def test_role_sessions_are_asked_about_as_their_role(account: Account) -> None:
    """IAM Identity Center gives sessions of a role with a path, which the session's ARN does not show."""
    iam = account.aws.client("iam")
    trust = '{"Version":"2012-10-17","Statement":[]}'
    made = iam.create_role(RoleName="Sso", Path="/aws-reserved/sso/", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role/Sso/ann@example.com"
    assert operator_policy.principal_arn(account.operator().client, session) == made


def test_no_room_is_refused(account: Account) -> None:
    """An account with five VPCs takes no sixth."""
    ec2 = account.aws.client("ec2")
    while quotas.check(account.operator().client)[0].used < 5:  # type: ignore[operator]
        ec2.create_vpc(CidrBlock="10.8.0.0/16")
    assert "no room: VPCs: 5 of 5 used, the lab adds 1" in refused(account.lab())


def test_unknown_quota_is_a_remark_and_no_refusal() -> None:
    """Where AWS does not tell a limit, it is said, and the lab tries."""
    finding = quotas.Finding(quotas.QUOTAS[0], None, 3)
    assert finding.is_enough
    assert str(finding) == "VPCs: the limit could not be read"


def test_somebody_elses_lab_of_the_same_name_is_refused(account: Account) -> None:
    """Applying over it would fail half-way, and tearing down would delete it."""
    labs.make(account.operator(), NAMES)
    told = refused(account.lab())
    assert "there is something named ann already, which this machine has no state of" in told
    assert "choose another LAB_PREFIX" in told


def test_region_without_the_zones_is_refused(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not every account has zones a and c."""
    monkeypatch.setattr(guards, "ZONES", ("a", "z"))
    assert "the lab's subnets are in ap-northeast-1a and ap-northeast-1z, but this account has" in refused(
        account.lab()
    )


def test_missing_image_builder_is_refused(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """The image is built in the middle of the apply: without an engine half a lab would stand."""
    monkeypatch.setattr(guards, "find_engine", lambda: None)
    assert "no image builder answers (docker, podman, buildah)" in refused(account.lab())
    assert "LAB_BUILDER=builtin makes an image without its base" in refused(account.lab(builder="builtin"))


def test_state_bucket_that_is_not_there_is_refused(account: Account) -> None:
    """Terraform would only say so after a while, in its own words."""
    assert "the bucket ann-state (LAB_STATE_BUCKET) cannot be used (404)" in refused(
        account.lab(state_bucket="ann-state")
    )


def test_all_reasons_are_told_at_once(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has to run three times to hear of three things."""
    monkeypatch.setattr(guards, "find_engine", lambda: None)
    monkeypatch.setattr(guards, "ZONES", ("z",))
    with pytest.raises(GuardError) as caught:
        account.lab(accept_cost=True).allow_creating()
    assert len(caught.value.reasons) == 2
    assert account.calls() == {}


def test_cost_adds_up() -> None:
    """Two quarter-vCPU tasks, a load balancer with one capacity unit, four addresses; twice the hour and the extras."""
    tokyo = cost.estimate("ap-northeast-1")
    assert tokyo.per_hour == pytest.approx(2 * (0.25 * 0.05056 + 0.5 * 0.00553) + 0.0243 + 0.008 + 4 * 0.005)
    assert tokyo.total(2) == pytest.approx(2 * tokyo.per_hour + cost.EXTRAS)
    assert "eu-north-1 is not in the table" in str(cost.estimate("eu-north-1"))
