"""The lab on a real account, or on any other AWS-compatible endpoint.

An account is reached with the caller's own credentials as boto3 finds them (profile, SSO, environment, role); no
endpoint left over from elsewhere counts. It answers nothing before it is known to be the account that was named.
"""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

from lab_helpers.backends.backend import Backend, Tell, silent
from lab_helpers.base.clients import LOOPBACK_HOSTS, Clients, aws_errors
from lab_helpers.base.config import Settings, inherited, session_environment
from lab_helpers.base.errors import AwsCallError, LabError, SettingsError
from lab_helpers.base.redact import last_digits
from lab_helpers.firelens import stock

PINNED_BASE_IMAGE = stock.BASE_IMAGE
"""From Amazon's registry: Docker Hub limits pulls."""
_CREDENTIALS = {
    "NoCredentialsError": "Log in: `aws configure sso` once, then `aws sso login`; or name a profile (LAB_AWS_PROFILE)",
    "InvalidClientTokenId": "If these are the local AWS's keys (`lab env`), open a new shell",
    "ProfileNotFound": "`aws configure list-profiles` shows those that there are",
    "TokenRetrievalError": "Your login has ended: `aws sso login`",
    "UnauthorizedSSOTokenError": "Your login has ended: `aws sso login`",
    "SSOTokenLoadError": "You are not logged in: `aws sso login`",
    "ExpiredToken": "Your credentials have ended: log in again",
}
_OTHER_CREDENTIALS = "`aws sts get-caller-identity` shows whether your credentials work outside of the lab"


class AwsBackend(Backend):
    """A real account, with the caller's own credentials; refuses any account but the one that was named.

    `clients` are for tests: an account that is posed by something else.
    """

    name = "aws"

    def __init__(self, settings: Settings, clients: Clients | None = None) -> None:
        self._settings = settings
        self._clients = clients
        self._identity: dict[str, str] = {}

    @property
    def base_image(self) -> str:
        """What the Fluent Bit image is built on."""
        return self._settings.base_image or PINNED_BASE_IMAGE

    def start(self, tell: Tell = silent) -> None:  # noqa: ARG002  (an account takes no time to start)
        """Check that the credentials lead to the named account; raises SettingsError when not."""
        self._refuse_endpoint()
        account, named = self.account(), self._settings.aws_account
        if not named:
            raise SettingsError(
                "LAB_AWS_ACCOUNT",
                "",
                "set to the 12 digits of the account that you mean, so that the lab touches no other; your credentials "
                f"lead to one that ends in {last_digits(account)} (`aws sts get-caller-identity` shows it)",
            )
        if account != named:
            raise SettingsError(
                "LAB_AWS_ACCOUNT",
                last_digits(named),
                f"the account that your credentials lead to ({last_digits(account)}): choose other credentials "
                "(LAB_AWS_PROFILE, AWS_PROFILE), or name that account if it is the one you mean",
            )

    def client(self, service: str) -> Any:
        if self._clients is None:
            self._clients = Clients.account(self._settings.region, self._settings.aws_profile or None)
        return self._clients.client(service)

    def environment(self) -> dict[str, str]:
        profile = {"AWS_PROFILE": self._settings.aws_profile} if self._settings.aws_profile else {}
        return {
            **session_environment(),
            **profile,
            "AWS_REGION": self._settings.region,
            "AWS_DEFAULT_REGION": self._settings.region,
        }

    def identity(self) -> str:
        return f"{self.account()}/{self._settings.region}"

    def account(self) -> str:
        """Return the 12 digits of the account that the credentials lead to."""
        return self._caller()["Account"]

    def caller_arn(self) -> str:
        """Return who the credentials belong to."""
        return self._caller()["Arn"]

    def _caller(self) -> dict[str, str]:
        if not self._identity:
            try:
                with aws_errors("GetCallerIdentity"):
                    found = self.client("sts").get_caller_identity()
            except AwsCallError as exc:
                raise LabError(f"{exc}. {_CREDENTIALS.get(exc.code, _OTHER_CREDENTIALS)}") from exc
            self._identity = {name: str(found[name]) for name in ("Account", "Arn")}
        return self._identity

    def _refuse_endpoint(self) -> None:
        if self._settings.endpoint_url:
            raise SettingsError(
                "LAB_ENDPOINT_URL",
                self._settings.endpoint_url,
                "unset for the backend aws, which only goes to AWS; for another endpoint set LAB_BACKEND=endpoint",
            )


class EndpointBackend(AwsBackend):
    """Any other AWS-compatible endpoint (LocalStack, Floci): one address for all services, and keys it wants to see."""

    name = "endpoint"

    def start(self, tell: Tell = silent) -> None:  # noqa: ARG002
        """Check that something answers there, and, where an account is named, that it is that one."""
        self._refuse_endpoint()
        account, named = self.account(), self._settings.aws_account
        if named and account != named:
            raise SettingsError(
                "LAB_AWS_ACCOUNT", last_digits(named), f"the endpoint's ({last_digits(account)}) or unset"
            )

    @property
    def needs_review(self) -> bool:
        """What is made on an endpoint of this machine costs nothing."""
        return urlsplit(self._settings.endpoint_url).hostname not in LOOPBACK_HOSTS

    def client(self, service: str) -> Any:
        if self._clients is None:
            settings = self._settings
            self._clients = Clients.local(
                settings.endpoint_url,
                settings.region,
                settings.endpoint_access_key_id,
                settings.endpoint_secret_access_key,
            )
        return self._clients.client(service)

    def environment(self) -> dict[str, str]:
        return {
            **inherited(),
            **loopback_environment(self._settings.endpoint_url, self._settings.region),
            "AWS_ACCESS_KEY_ID": self._settings.endpoint_access_key_id,
            "AWS_SECRET_ACCESS_KEY": self._settings.endpoint_secret_access_key,
        }

    def _refuse_endpoint(self) -> None:
        host = urlsplit(self._settings.endpoint_url).hostname or ""
        if host.endswith((".amazonaws.com", ".amazonaws.com.cn", ".api.aws")):
            raise SettingsError("LAB_ENDPOINT_URL", host, "an emulator's; for AWS itself set LAB_BACKEND=aws")

    def _caller(self) -> dict[str, str]:
        try:
            return super()._caller()
        except LabError as exc:
            where = self._settings.endpoint_url
            raise LabError(
                f"The endpoint {where} (LAB_ENDPOINT_URL) does not answer as AWS would: {exc.__cause__}"
            ) from exc


def loopback_environment(endpoint_url: str, region: str) -> dict[str, str]:
    """Return the variables, without keys, that lead AWS tools to one endpoint and nowhere else."""
    return {
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",  # no name such as streaming-127.0.0.1 leads anywhere
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }
