"""A local AWS that poses as an account: an operator who is an IAM user, and weather where a test asks for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from moto.moto_api._internal import moto_api_backend

from lab_helpers.account.inventory import LabNames
from lab_helpers.backends.account import AwsBackend
from lab_helpers.base.clients import Clients, ClientSettings
from lab_helpers.base.config import Settings
from lab_helpers.lab import Lab, Notes
from lab_helpers.local_aws.server import LocalAws
from lab_helpers.local_aws.testing.weather import Forecast, Weather

ACCOUNT, REGION, PREFIX = "123456789012", "ap-northeast-1", "ann"
NAMES = LabNames(PREFIX, ACCOUNT, REGION)


@dataclass
class Account:
    """The posed account: `aws` is the local AWS behind it, `weather` what its clients feel."""

    aws: LocalAws
    home: Path
    weather: list[Weather] = field(default_factory=list)

    def user(self, name: str, policy: Mapping[str, Any]) -> Clients:
        """Return the clients of a new IAM user who may do what a policy says."""
        iam = self.aws.client("iam")
        iam.create_user(UserName=name)
        arn = iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(policy))["Policy"]["Arn"]
        iam.attach_user_policy(UserName=name, PolicyArn=arn)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return self._clients(key["AccessKeyId"], key["SecretAccessKey"])

    def operator(self) -> Clients:
        """Return the clients of somebody who may do everything."""
        keys = self.aws.store.operator
        return self._clients(keys.access_key_id, keys.secret_access_key)

    def lab(self, clients: Clients | None = None, **settings: Any) -> Lab:
        """Return a lab on this account."""
        given = {"prefix": PREFIX, "aws_account": ACCOUNT, "region": REGION, "home": self.home, **settings}
        made = Settings(backend="aws", **given)
        backend = AwsBackend(made, clients or self.operator())
        return Lab(made, backend, Notes(made.state / "notes", f"{ACCOUNT}/{REGION}"))

    def calls(self) -> dict[str, int]:
        """Return how often each operation was called, of those that change something."""
        counted = self.aws.status()["calls"]
        return {name: n for name, n in counted.items() if not name.partition(":")[2].startswith(READS)}

    def _clients(self, key: str, secret: str) -> Clients:
        return Clients.local(self.aws.endpoint_url, REGION, key, secret, ClientSettings(max_attempts=5))


READS = ("Describe", "Get", "List", "Head", "Simulate", "Filter")


@pytest.fixture
def posed(tmp_path: Path) -> Iterator[Callable[..., Account]]:
    """Return a function that starts an account with some weather; all are stopped afterwards."""
    moto_api_backend.reset()  # moto is one a process
    with ExitStack() as stack:
        stack.callback(moto_api_backend.reset)

        def start(forecast: Forecast = Forecast(), **options: Any) -> Account:  # noqa: B008  (frozen)
            weather: list[Weather] = []

            def middleware(app: Any) -> Weather:
                weather.append(Weather(app, forecast, lambda key: key == aws.store.operator.access_key_id))
                return weather[0]

            aws = LocalAws(tmp_path / "aws", factories=options.pop("factories", []), middleware=middleware, **options)
            return Account(stack.enter_context(aws), tmp_path / "home", weather)

        yield start


@pytest.fixture
def account(posed: Callable[..., Account]) -> Account:
    """An account in fine weather, with moto's services and our IAM."""
    return posed()
