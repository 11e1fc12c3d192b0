"""moto, the control plane: alone to import it are this and moto_s3.py, moto_listings.py, state and quick_start.

What moto is asked for here beyond its HTTP API (policies of a principal, AWS managed policies) is read from its
in-process objects; `tests/local_aws/test_moto_bridge.py` holds the names that this relies on.
"""

from __future__ import annotations

import base64
import ctypes
import io
import json
import sys
import threading
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC
from typing import Any
from urllib.parse import quote

from boto3 import Session
from moto.core.loaders import Loader
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.ec2.models.elastic_network_interfaces import NetworkInterface
from moto.ec2.responses.customer_gateways import CustomerGateways
from moto.events.utils import EventTemplateParser
from moto.iam.access_control import PermissionResult
from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.models import AWSManagedPolicy, iam_backends
from moto.kinesis.models import KinesisBackend
from moto.logs.models import ExportTask, LogStream, logs_backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3 import models as s3_models
from moto.s3 import responses as s3_responses
from moto.s3.models import FakeBucket, FakeKey, s3_backends
from moto.sts.models import sts_backends

from lab_helpers.base.clients import QuickFileLoader
from lab_helpers.local_aws import moto_listings, moto_s3
from lab_helpers.local_aws.front.s3.checksums import encoded, is_computed
from lab_helpers.local_aws.identity.service_credentials import ServiceCredential
from lab_helpers.local_aws.kit.api import AwsError, NobodyAnswersError
from lab_helpers.local_aws.s3 import contents
from lab_helpers.local_aws.s3.configurations import DELETED, OWNER_ENFORCED
from lab_helpers.local_aws.s3.contents import Content, Opened
from lab_helpers.local_aws.s3.customer_keys import SEAL
from lab_helpers.local_aws.s3.kms import MANAGED, KmsKey
from lab_helpers.local_aws.s3.listing_documents import ListedBucket, ListedUpload
from lab_helpers.local_aws.s3.notifications.delivery import DOCUMENT
from lab_helpers.local_aws.s3.public.access import WHOLE, Block, ListedGrants
from lab_helpers.local_aws.s3.view import ObjectView
from lab_helpers.local_aws.state import moto_hooks
from lab_helpers.local_aws.state.changes import Change
from lab_helpers.local_aws.state.journal import NotedCall, noted
from lab_helpers.local_aws.state.moto_chance import under
from lab_helpers.local_aws.state.moto_state import MotoState

ACCOUNT_ID: str = DEFAULT_ACCOUNT_ID
_PARTITION = "aws"
_USER_BOUNDARY = "lab_permissions_boundary_arn"
_SERVICE_CREDENTIALS = "lab_service_specific_credentials"
_TAGS = "_lab_tags"
_LOG_CLASS = "lab_log_group_class"
_BARE: Mapping[str, Any] = {
    "wsgi.version": (1, 0), "wsgi.errors": sys.stderr, "wsgi.multithread": True, "wsgi.multiprocess": False,
    "wsgi.run_once": False,
}  # fmt: skip
"""What a call has beside its texts, when it is repeated."""
DELIVERED_BY_LOGS = ("firehose", "kinesis")
"""Destinations of subscription filters that the local AWS's own CloudWatch Logs delivers to."""


class ControlPlaneError(Exception):
    """moto failed at a call; the text says how."""


@dataclass(frozen=True)
class HttpAnswer:
    """An HTTP answer as moto gave it; `opened` is there in place of its body where that is large."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    opened: Opened | None = None


@dataclass(frozen=True)
class PrincipalPolicies:
    """The policy documents of a role or user, as (name, JSON text): inline, attached, and the boundary if any.

    `unique_id` is IAM's AROA… or AIDA…, empty when the principal is gone.
    """

    identity: tuple[tuple[str, str], ...]
    boundary: tuple[str, str] | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    unique_id: str = ""


@dataclass(frozen=True)
class FederatedSession:
    """A role session that moto made for somebody with an assertion; `expires_at` is epoch seconds."""

    role_arn: str
    arn: str
    secret_access_key: str
    session_token: str
    expires_at: float


@dataclass(frozen=True)
class LogGroupView:
    """A log group: retention in days (None: for ever), and events by stream, in the order in which they arrived."""

    name: str
    retention_days: int | None
    streams: dict[str, list[Any]]


@dataclass(frozen=True)
class OpenUpload:
    """A multipart upload of S3: its checksum's algorithm and type (empty: none named), and each part.

    `uploaded` are entity tag and size in bytes of each part.
    """

    algorithm: str
    kind: str
    parts: Mapping[int, Content]
    uploaded: Mapping[int, tuple[str, int]]


@dataclass(frozen=True)
class ListedLogGroup:
    """A log group as lists tell it."""

    name: str
    log_class: str
    tags: Mapping[str, str]


@dataclass(frozen=True)
class SubscriptionView:
    """A subscription filter of a log group; `role_arn` is empty where none was given."""

    name: str
    pattern: str
    destination_arn: str
    role_arn: str


class MotoBridge:
    """moto behind our gateway: answers HTTP calls, and tells what IAM holds."""

    def __init__(self, state: MotoState | None = None) -> None:
        """`state` keeps what calls change; without it all is gone with the process."""
        self._app = DomainDispatcherApplication(_backend_app)
        self._state = state
        # moto's models are plain objects without locks; calls to them are short.
        self._lock = threading.RLock()
        self._calling = threading.local()
        _leave_subscriptions_to_us()
        _leave_metrics_of_streams()
        _name_interfaces_by_their_region()
        _leave_checksums_to_us()
        moto_s3.change()
        moto_listings.change()
        _leave_bucket_policies_to_us()
        _keep_names_of_devices()
        _send_events_whole()
        Loader.FILE_LOADER_CLASS = QuickFileLoader  # its own copies: it adds to them what AWS's do not say
        if state is not None:
            state.repeat(self._ask_again)

    def call(self, environ: dict[str, Any], body: bytes, change: Change | None = Change("unknown")) -> HttpAnswer:  # noqa: B008  (frozen)
        """Let moto answer one HTTP call; what it changed is kept when this returns. None: the call only reads.

        Raises NobodyAnswersError for an operation or service that moto does not have, ControlPlaneError when moto
        itself fails.
        """
        try:
            with self._lock:
                terms = self._state.terms(change) if self._state is not None else None
                call: NotedCall | None = None
                try:
                    with under(terms) as row:
                        status, headers, content, opened = self._ask(environ, body)
                    if terms is not None and change is not None and not row.is_disturbed:
                        call = noted(f"{change.service}:{change.operation}", terms, environ, body, status, content)
                finally:
                    if not self._waits(change):
                        self._settle(change, call)
        except NobodyAnswersError:
            raise
        except NotImplementedError as exc:
            raise NobodyAnswersError(str(exc) or "moto has not implemented it") from exc
        except Exception as exc:
            raise ControlPlaneError(f"moto could not answer: {type(exc).__name__}: {exc}") from exc
        return HttpAnswer(status, headers, content, opened)

    @contextmanager
    def keeping(self, change: Change | None) -> Iterator[None]:
        """Keep what this thread changes inside, whoever fails half-way; moto is another's meanwhile."""
        moto_hooks.forget_touched()
        self._calling.is_kept = True
        try:
            yield
        finally:
            self._calling.is_kept = False
            self._settle(change)

    def _waits(self, change: Change | None) -> bool:
        """Tell whether what a call changed is kept in time when `keeping` ends."""
        is_kept = getattr(self._calling, "is_kept", False)
        return is_kept and self._state is not None and self._state.may_wait(change)

    def _ask_again(self, environ: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        """Let moto answer what it answered to an earlier server, which may have looked for an ECS service first."""
        self.leave_services_to_us()
        status, _, content, _ = self._ask({**_BARE, **environ}, body)
        return status, content

    def _ask(self, environ: Mapping[str, Any], body: bytes) -> tuple[int, list[tuple[str, str]], bytes, Opened | None]:
        """Let moto's application answer: status, headers, body, and what is to be read in place of the body."""
        started: list[tuple[str, list[tuple[str, str]]]] = []
        moto_s3.CALLING.seal = str(environ.get(SEAL, ""))
        asked = {**environ, "wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        asked.pop("HTTP_TRANSFER_ENCODING", None)

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:  # noqa: ARG001
            started.append((status, headers))

        pieces = list(self._app(asked, start_response))
        status, headers = started[-1]
        large = next((each for each in pieces if isinstance(each, Content)), None)
        content = b"".join(pieces) if large is None else b""
        return int(status.split()[0]), headers, content, None if large is None else large.opened()

    def new_content(self) -> Content:
        """Return what a large object's bytes are to be written to, before there is the object."""
        return Content(moto_hooks.new_file(), is_new=True)

    def _settle(self, change: Change | None, call: NotedCall | None = None) -> None:
        if self._state is not None:
            with self._lock:
                self._state.settle(change, call)

    def keep_later(self) -> None:
        """Keep what calls left for later."""
        if self._state is not None:
            with self._lock:
                self._state.keep_later()

    def warm_up(self) -> None:
        """Load moto's network ahead of its first call, and drop what no part of the lab asks for.

        moto keeps every instance type of every zone in memory, 50 MiB. Not modelled here: EC2 instances.
        Metrics are first written when Firehose delivers: loading them then would stop everybody under load.
        """
        with self._lock:
            from moto.ec2.models import instance_types

            instance_types.INSTANCE_TYPES.clear()
            instance_types.INSTANCE_TYPE_OFFERINGS.clear()
            _backend_app("cloudwatch")
        _give_memory_back()

    def forget_database_tags(self, region: str, name: str) -> None:
        """Drop the tags of a Glue database that was deleted: moto keeps them, and a listing by tag would find it."""
        from moto.glue.models import glue_backends

        arn = f"arn:aws:glue:{region}:{ACCOUNT_ID}:database/{name}"
        glue_backends[ACCOUNT_ID][region].tagger.delete_all_tags_for_resource(arn)

    def ensure_managed_policy(self, arn: str) -> None:
        """Make one of AWS's managed policies known to moto's IAM; an unknown name changes nothing.

        moto can load all of them (MOTO_IAM_LOAD_MANAGED_POLICIES), which takes a second and 60 MiB.
        """
        backend = iam_backends[ACCOUNT_ID][_PARTITION]
        document = _managed_policy_data(arn.rsplit("/", 1)[-1])
        if arn not in backend.managed_policies and document is not None:
            policy = AWSManagedPolicy.from_data(arn.rsplit("/", 1)[-1], ACCOUNT_ID, "us-east-1", document)
            if policy.arn != arn:
                return
            with self._lock:
                backend.managed_policies[arn] = policy
                if self._state is not None:
                    self._state.changed_directly(backend)

    def trust_policy(self, role_arn: str) -> str | None:
        """Return a role's trust policy as JSON text, None when there is no such role."""
        role = self._role(role_arn)
        return None if role is None else str(role.assume_role_policy_document)

    def role_policies(self, role_arn: str) -> PrincipalPolicies:
        """Return what a role may do; nothing when the role is gone."""
        role = self._role(role_arn)
        if role is None:
            return PrincipalPolicies(())
        found = _policies(role, role.permissions_boundary_arn)
        return replace(found, tags=_tags(role.tags or ()), unique_id=str(role.id))

    def managed_policy(self, arn: str) -> tuple[str, str] | None:
        """Return a managed policy's name and document as JSON text, AWS's own included; None when there is none."""
        self.ensure_managed_policy(arn)
        policy = iam_backends[ACCOUNT_ID][_PARTITION].managed_policies.get(arn)
        return None if policy is None else (policy.name, _document(policy))

    def principal_exists(self, principal: str) -> bool:
        """Tell whether a role's or user's ARN, or the unique id of one, is that of somebody in this account."""
        backend = iam_backends[ACCOUNT_ID][_PARTITION]
        holders = [*list(backend.roles.values()), *list(backend.users.values())]
        return any(principal in (holder.arn, holder.id) for holder in holders)

    def user_key(self, access_key_id: str) -> tuple[str, str] | None:
        """Return the name of the IAM user who owns an active access key, and the key's secret; None without one."""
        for user in list(iam_backends[ACCOUNT_ID][_PARTITION].users.values()):
            for key in user.access_keys:
                if key.access_key_id == access_key_id and key.status == "Active":
                    return str(user.name), str(key.secret_access_key)
        return None

    def federated_session(self, access_key_id: str) -> FederatedSession | None:
        """Return the session of a key that AssumeRoleWithSAML or …WithWebIdentity gave; None without one."""
        role = sts_backends[ACCOUNT_ID][_PARTITION].get_assumed_role_from_access_key(access_key_id)
        if role is None:
            return None
        ends = role.expiration.replace(tzinfo=role.expiration.tzinfo or UTC).timestamp()
        return FederatedSession(role.role_arn, role.arn, role.secret_access_key, role.session_token, ends)

    def cors_rules(self, bucket: str) -> list[Any]:
        """Return a bucket's CORS rules, moto's own objects; none where it has none or there is no such bucket."""
        found = s3_backends[ACCOUNT_ID][_PARTITION].buckets.get(bucket)
        return list(found.cors or []) if found is not None else []

    def checksum(self, bucket: str, key: str, version: str) -> tuple[str, str, str] | None:
        """Return algorithm, type and value of an object's checksum (version empty: the latest); None without one."""
        found = s3_backends[ACCOUNT_ID][_PARTITION].buckets.get(bucket)
        versions = [] if found is None else found.keys.getlist(key, [])
        chosen = next((each for each in reversed(versions) if not version or str(each.version_id) == version), None)
        algorithm = getattr(chosen, "checksum_algorithm", None)
        if chosen is None or not algorithm:
            return None
        kind, value = getattr(chosen, "checksum_type", None) or "FULL_OBJECT", str(chosen.checksum_value)
        return algorithm, kind, f"{value}-{chosen.checksum_parts}" if kind == "COMPOSITE" else value

    def upload(self, bucket: str, upload_id: str) -> OpenUpload | None:
        """Return an open multipart upload; None without one."""
        found = s3_backends[ACCOUNT_ID][_PARTITION].buckets.get(bucket)
        upload = None if found is None else found.multiparts.get(upload_id)
        if upload is None:
            return None
        said = {name.lower(): str(value) for name, value in upload.metadata.items()}
        parts = {number: moto_s3.content_of(part) for number, part in dict(upload.parts).items()}
        uploaded = {number: (part.etag.strip('"'), part.size) for number, part in dict(upload.parts).items()}
        algorithm, kind = said.get("x-amz-checksum-algorithm", ""), said.get("x-amz-checksum-type", "")
        return OpenUpload(algorithm, kind, parts, uploaded)

    def object_view(self, bucket: str, key: str, version: str) -> ObjectView | None:
        """Return a version of an object (empty: the latest), None without one."""
        found = s3_backends[ACCOUNT_ID][_PARTITION].buckets.get(bucket)
        versions = [] if found is None else found.keys.getlist(key, [])
        chosen = next((each for each in reversed(versions) if not version or str(each.version_id) == version), None)
        return None if chosen is None else moto_s3.viewed(chosen)

    def begun_on(self, bucket: str, upload_id: str) -> str:
        """Return the identity of what was at an upload's key when it was begun, empty for nothing."""
        found = s3_backends[ACCOUNT_ID][_PARTITION].buckets.get(bucket)
        return str(getattr(found.multiparts.get(upload_id), moto_s3.BEGUN_ON, "")) if found is not None else ""

    def lifecycle(self, bucket: str) -> bytes | None:
        """Return a bucket's lifecycle configuration, None without one."""
        found = s3_backends[ACCOUNT_ID][_PARTITION].buckets.get(bucket)
        kept: dict[str, bytes] = {} if found is None else vars(found).get(moto_hooks.DOCUMENTS, {})
        return kept.get("Lifecycle")

    def object_tags(self, bucket: str, key: str) -> dict[str, str]:
        """Return the tags of an object's latest version, {} without any."""
        backend = s3_backends[ACCOUNT_ID][_PARTITION]
        found = backend.buckets.get(bucket)
        there = None if found is None else found.keys.get(key)
        told = backend.get_object_tagging(there)["Tags"] if isinstance(there, FakeKey) else []
        return {each["Key"]: each["Value"] for each in told}

    def tag_bucket(self, bucket: str, tags: dict[str, str]) -> None:
        """Give a bucket tags."""
        s3_backends[ACCOUNT_ID][_PARTITION].put_bucket_tagging(bucket, tags)

    def listed_uploads(self, bucket: str) -> list[ListedUpload] | None:
        """Return a bucket's open multipart uploads as they were begun; None without such a bucket."""
        found = s3_backends[ACCOUNT_ID][_PARTITION].buckets.get(bucket)
        return None if found is None else [moto_s3.listed(each) for each in list(found.multiparts.values())]

    def listed_buckets(self) -> list[ListedBucket]:
        """Return all buckets."""
        found = list(s3_backends[ACCOUNT_ID][_PARTITION].buckets.values())
        return [
            ListedBucket(each.name, each.creation_date_ISO8601, each.region_name, each.versioning_status == "Enabled")
            for each in found
        ]

    def bucket_region(self, bucket: str) -> str:
        """Return the Region of a bucket, empty without such a bucket."""
        found = s3_backends[ACCOUNT_ID][_PARTITION].buckets.get(bucket)
        return "" if found is None else str(found.region_name)

    def kms_key(self, region: str, name: str) -> KmsKey | None:
        """Return a key of KMS by its id, ARN or alias, AWS's own for S3 being made when it is first named."""
        from moto.kms.models import kms_backends

        backend = kms_backends[ACCOUNT_ID][region]
        alias = backend.get_alias_name(name)
        if alias.startswith("alias/") and alias != MANAGED and not backend.alias_exists(alias):
            return None
        found = backend.keys.get(backend.any_id_to_key_id(name))
        return None if found is None else KmsKey(str(found.arn), str(found.key_state))

    def encryption(self, bucket: str) -> tuple[str, str]:
        """Return algorithm and key of what a bucket encrypts with by default; empty where nobody named any."""
        found = s3_backends[ACCOUNT_ID][_PARTITION].buckets.get(bucket)
        told = ((found.encryption or {}) if found is not None else {}).get("Rule", {})
        by_default = told.get("ApplyServerSideEncryptionByDefault") or {}
        return str(by_default.get("SSEAlgorithm") or ""), str(by_default.get("KMSMasterKeyID") or "")

    def account(self) -> str:
        """Return the id of the account."""
        return ACCOUNT_ID

    def takes_access_lists(self, bucket: str) -> bool:
        """Tell whether a bucket's objects may be others' than its owner's, and have access lists."""
        found = s3_backends[ACCOUNT_ID][_PARTITION].buckets.get(bucket)
        if found is None or found.ownership_rule:
            return found is not None and found.ownership_rule != OWNER_ENFORCED
        kept: dict[str, bytes] = vars(found).get(moto_hooks.DOCUMENTS, {})
        return kept.get("BucketOwnershipControls") == DELETED

    def public_block(self, bucket: str) -> Block:
        """Return what is blocked of a bucket's public access; nothing without such a bucket."""
        found = s3_backends[ACCOUNT_ID][_PARTITION].buckets.get(bucket)
        if found is None:
            return Block()
        said = found.public_access_block
        if said is None:
            kept: dict[str, bytes] = vars(found).get(moto_hooks.DOCUMENTS, {})
            return Block() if kept.get("PublicAccessBlock") == DELETED else WHOLE
        return Block(
            block_acls=bool(said.block_public_acls),
            ignore_acls=bool(said.ignore_public_acls),
            block_policy=bool(said.block_public_policy),
            restrict_buckets=bool(said.restrict_public_buckets),
        )

    def granted_to_all(self, bucket: str, key: str, version: str) -> ListedGrants:
        """Return what the access lists of a bucket and an object (empty: none) grant to everybody."""
        found = s3_backends[ACCOUNT_ID][_PARTITION].buckets.get(bucket)
        takes_lists = found is not None and self.takes_access_lists(bucket)
        return moto_s3.granted_to_all(found, key, version, takes_lists=takes_lists)

    def leave_to_nobody(self, bucket: str, key: str) -> None:
        """Remember that a caller without keys made an object, which is that caller's where lists are taken."""
        found = s3_backends[ACCOUNT_ID][_PARTITION].buckets.get(bucket)
        if found is not None and key in found.keys and self.takes_access_lists(bucket):
            setattr(found.keys[key], moto_s3.OF_NOBODY, True)

    def notification_configuration(self, bucket: str) -> bytes | None:
        """Return a bucket's notification configuration, None without one."""
        found = s3_backends[ACCOUNT_ID][_PARTITION].buckets.get(bucket)
        kept: dict[str, bytes] = {} if found is None else vars(found).get(moto_hooks.DOCUMENTS, {})
        return kept.get(DOCUMENT)

    def access_list(self, bucket: str, key: str, version: str) -> frozenset[tuple[str, str]]:
        """Return what an object's access list grants: grantees with permissions."""
        found = s3_backends[ACCOUNT_ID][_PARTITION].buckets.get(bucket)
        return moto_s3.access_list(found, key, version)

    def seal(self, bucket: str, key: str, version: str) -> str:
        """Return the seal of the customer's key of an object (version empty: the latest), empty without one."""
        found = s3_backends[ACCOUNT_ID][_PARTITION].buckets.get(bucket)
        versions = [] if found is None else found.keys.getlist(key, [])
        chosen = next((each for each in reversed(versions) if not version or str(each.version_id) == version), None)
        return str(getattr(chosen, moto_s3.SEALED, ""))

    def upload_seal(self, bucket: str, upload_id: str) -> str:
        """Return the seal of the customer's key of an open upload, empty without one."""
        found = s3_backends[ACCOUNT_ID][_PARTITION].buckets.get(bucket)
        return "" if found is None else str(getattr(found.multiparts.get(upload_id), moto_s3.SEALED, ""))

    def keeps_versions(self, bucket: str) -> bool:
        """Tell whether a bucket keeps versions, or has kept some."""
        found = s3_backends[ACCOUNT_ID][_PARTITION].buckets.get(bucket)
        return found is not None and bool(found.versioning_status)

    def upload_checksum(self, bucket: str, upload_id: str) -> tuple[str, str]:
        """Return algorithm and type of an open upload's checksum; empty where nobody named one, or without it."""
        found = self.upload(bucket, upload_id)
        return ("", "") if found is None else (found.algorithm, found.kind)

    def part_checksum(self, bucket: str, upload_id: str, number: int) -> str:
        """Return the checksum of one of an open upload's parts, empty without one."""
        found = self.upload(bucket, upload_id)
        part = found.parts.get(number) if found is not None else None
        if found is None or part is None or not is_computed(found.algorithm):
            return ""
        return encoded(found.algorithm, part)

    def regions(self) -> list[str]:
        """Return the Regions that there are."""
        return list(Session().get_available_regions("s3"))

    def locks(self, bucket: str) -> bool | None:
        """Tell whether a bucket has object lock; None without such a bucket."""
        found = s3_backends[ACCOUNT_ID][_PARTITION].buckets.get(bucket)
        return None if found is None else bool(found.object_lock_enabled)

    def locks_by_default(self, bucket: str) -> bool:
        """Tell whether a bucket locks what is put into it."""
        found = s3_backends[ACCOUNT_ID][_PARTITION].buckets.get(bucket)
        return found is not None and bool(found.has_default_lock)

    def has_upload(self, bucket: str, upload_id: str) -> bool:
        """Tell whether a bucket has an open multipart upload; true also where there is no such bucket."""
        found = s3_backends[ACCOUNT_ID][_PARTITION].buckets.get(bucket)
        return found is None or upload_id in found.multiparts

    def leave_services_to_us(self) -> None:
        """Keep moto's Application Auto Scaling from asking moto's ECS, which has no services."""
        from moto.applicationautoscaling.models import ApplicationAutoscalingBackend

        ApplicationAutoscalingBackend._ecs_service_exists_for_target = lambda *_: True

    def scaling_regions(self) -> list[str]:
        """Return the Regions in which Application Auto Scaling has policies."""
        from moto.applicationautoscaling.models import applicationautoscaling_backends

        return [name for name, backend in dict(applicationautoscaling_backends[ACCOUNT_ID]).items() if backend.policies]

    def scalable_target_tags(self, region: str, arn: str) -> dict[str, str] | None:
        """Return the tags of Application Auto Scaling's target, to be changed in place; None without such a target."""
        from moto.applicationautoscaling.models import applicationautoscaling_backends

        targets = applicationautoscaling_backends[ACCOUNT_ID][region].targets
        found = next((each for named in targets.values() for each in named.values() if each.arn == arn), None)
        if found is None:
            return None
        kept: dict[str, str] = vars(found).setdefault(_TAGS, {})
        return kept

    def user_policies(self, name: str) -> PrincipalPolicies:
        """Return what an IAM user may do, groups included."""
        backend = iam_backends[ACCOUNT_ID][_PARTITION]
        user = backend.users.get(name)
        if user is None:
            return PrincipalPolicies(())
        holders = [user, *(group for group in list(backend.groups.values()) if user in group.users)]
        identity = tuple(pair for holder in holders for pair in _policies(holder, None).identity)
        boundary = _policies(user, self.user_boundary(name)).boundary
        return PrincipalPolicies(identity, boundary, _tags(backend.list_user_tags(name)), str(user.id))

    def group_policies(self, name: str) -> PrincipalPolicies:
        """Return what the members of a group may do by it."""
        group = iam_backends[ACCOUNT_ID][_PARTITION].groups.get(name)
        return PrincipalPolicies(()) if group is None else replace(_policies(group, None), unique_id=str(group.id))

    def make_linked_role(
        self, name: str, trust: str, service: str, description: str, policy_arn: str
    ) -> dict[str, Any] | None:
        """Make a service's own role, with its policy if it is known; None when there is a role of that name."""
        backend = iam_backends[ACCOUNT_ID][_PARTITION]
        if any(role.name == name for role in list(backend.roles.values())):
            return None
        path = f"/aws-service-role/{service}/"
        with self._lock:  # it draws random numbers, which a call that is to be repeated has for itself
            role = backend.create_role(name, trust, path, None, description or None, [], "3600", linked_service=service)
        self.ensure_managed_policy(policy_arn)
        if policy_arn in backend.managed_policies:
            backend.attach_role_policy(policy_arn, name)
        told = {"Path": role.path, "RoleName": role.name, "RoleId": role.id, "Arn": role.arn}
        more = {"Description": description} if description else {}
        made = {"CreateDate": role.create_date.replace(tzinfo=role.create_date.tzinfo or UTC)}
        return {**told, **made, "AssumeRolePolicyDocument": quote(trust), **more}

    def linked_service(self, name: str) -> str | None:
        """Return the service that a role is linked to, if any; raises AwsError NoSuchEntity without such a role."""
        roles = list(iam_backends[ACCOUNT_ID][_PARTITION].roles.values())
        role = next((each for each in roles if each.name == name), None)
        if role is None:
            raise AwsError("NoSuchEntity", f"The role with name {name} cannot be found.", 404)
        service: str | None = getattr(role, "_linked_service", None)
        return service

    def release_linked_role(self, name: str) -> None:
        """Take a role's policies away, so that it can be deleted."""
        backend = iam_backends[ACCOUNT_ID][_PARTITION]
        role = next((each for each in list(backend.roles.values()) if each.name == name), None)
        for arn in list(role.managed_policies if role is not None else ()):
            backend.detach_role_policy(arn, name)

    def user_boundary(self, name: str) -> str | None:
        """Return the ARN of a user's permissions boundary; None without one, or without such a user."""
        with moto_hooks.overlooked():
            user = iam_backends[ACCOUNT_ID][_PARTITION].users.get(name)
        return getattr(user, _USER_BOUNDARY, None)

    def set_user_boundary(self, name: str, policy_arn: str | None) -> None:
        """Give a user a permissions boundary, or take it away; moto's users have none of their own.

        Raises AwsError NoSuchEntity when there is no such user or policy.
        """
        backend = iam_backends[ACCOUNT_ID][_PARTITION]
        user = backend.users.get(name)
        if user is None:
            raise AwsError("NoSuchEntity", f"The user with name {name} cannot be found.", 404)
        if policy_arn is not None and policy_arn not in backend.managed_policies:
            raise AwsError("NoSuchEntity", f"Policy {policy_arn} does not exist or is not attachable.", 404)
        setattr(user, _USER_BOUNDARY, policy_arn)  # on moto's own object, so that it goes when the user goes

    def service_credentials(self, user: str) -> dict[str, ServiceCredential]:
        """Return a user's service-specific credentials by id, kept on moto's own user, to be changed in place.

        Raises AwsError NoSuchEntity when there is no such user.
        """
        found = iam_backends[ACCOUNT_ID][_PARTITION].users.get(user)
        if found is None:
            raise AwsError("NoSuchEntity", f"The user with name {user} cannot be found.", 404)
        kept: dict[str, ServiceCredential] = vars(found).setdefault(_SERVICE_CREDENTIALS, {})
        return kept

    def instance_profile_tags(self, name: str) -> list[dict[str, str]]:
        """Return an instance profile's tags, which moto keeps and does not list; raises AwsError NoSuchEntity."""
        profiles = list(iam_backends[ACCOUNT_ID][_PARTITION].instance_profiles.values())
        found = next((each for each in profiles if each.name == name), None)
        if found is None:
            raise AwsError("NoSuchEntity", f"Instance Profile {name} cannot be found.", 404)
        return list(found.tags)

    def bucket_policy(self, bucket: str) -> str | None:
        """Return a bucket's policy as JSON text, None when it has none or there is no such bucket."""
        found = s3_backends[ACCOUNT_ID][_PARTITION].buckets.get(bucket)
        policy = None if found is None else found.policy
        return policy.decode() if isinstance(policy, bytes) else policy

    def log_group(self, region: str, name: str) -> LogGroupView | None:
        """Return a log group with its streams' events, which are moto's own objects; None when there is none."""
        with moto_hooks.overlooked():  # who looks at a group changes nothing
            group = logs_backends[ACCOUNT_ID][region].groups.get(name)
        if group is None:
            return None
        streams = {stream_name: stream.events for stream_name, stream in dict(group.streams).items()}
        return LogGroupView(name, group.retention_in_days, streams)

    def log_groups(self, region: str) -> list[ListedLogGroup]:
        """Return a region's log groups."""
        backend = logs_backends[ACCOUNT_ID][region]
        return [
            ListedLogGroup(
                name, getattr(group, _LOG_CLASS, "STANDARD"), backend.tagger.get_tag_dict_for_resource(group.arn)
            )
            for name, group in dict(backend.groups).items()
        ]

    def set_log_group_class(self, region: str, name: str, log_class: str) -> None:
        """Remember the class that a log group was made with; moto's groups have none of their own."""
        setattr(logs_backends[ACCOUNT_ID][region].groups[name], _LOG_CLASS, log_class)

    def bucket_documents(self, bucket: str) -> dict[str, bytes] | None:
        """Return the configurations of a bucket that are kept beside moto's, to be changed in place."""
        found = s3_backends[ACCOUNT_ID][_PARTITION].buckets.get(bucket)
        if found is None:
            return None
        kept: dict[str, bytes] = vars(found).setdefault(moto_hooks.DOCUMENTS, {})
        return kept

    def add_export_task(self, region: str, params: Mapping[str, Any]) -> str:
        """Keep a completed export task by CreateExportTask's parameters; return its id."""
        task_id = str(uuid.uuid4())
        named = (params[name] for name in ("logGroupName", "destination", "destinationPrefix", "from", "to"))
        task = ExportTask(task_id, params.get("taskName"), *named)
        task.status = {"code": "COMPLETED", "message": "Completed successfully"}
        logs_backends[ACCOUNT_ID][region].export_tasks[task_id] = task
        return task_id

    def log_events_by_group(self) -> dict[str, int]:
        """Return how many events each log group has, by `region/name`."""
        regions: dict[str, Any] = dict(logs_backends[ACCOUNT_ID])
        return {
            f"{region}/{name}": sum(len(stream.events) for stream in list(group.streams.values()))
            for region, backend in regions.items()
            for name, group in dict(backend.groups).items()
        }

    def metric_filters(self, region: str) -> list[dict[str, Any]]:
        """Return a region's metric filters: moto's own list of the API's structures, to be changed in place."""
        found: list[dict[str, Any]] = logs_backends[ACCOUNT_ID][region].filters.metric_filters
        return found

    def subscriptions(self, region: str, group: str) -> list[SubscriptionView]:
        """Return a log group's subscription filters; none where there is no such group."""
        found = logs_backends[ACCOUNT_ID][region].groups.get(group)
        filters = [] if found is None else list(found.subscription_filters.values())
        return [SubscriptionView(f.name, f.filter_pattern or "", f.destination_arn, f.role_arn or "") for f in filters]

    def _role(self, role_arn: str) -> Any:
        roles = list(iam_backends[ACCOUNT_ID][_PARTITION].roles.values())
        return next((role for role in roles if role.arn == role_arn), None)


def _leave_subscriptions_to_us() -> None:
    """Keep moto from delivering what a subscription filter sends to Firehose and Kinesis.

    It writes into its own copy of the stream, past the filter's role, and fails the caller's PutLogEvents when that
    fails.
    """
    original = getattr(LogStream._send_log_events, "original", LogStream._send_log_events)

    def send(stream: Any, service: str, **rest: Any) -> None:
        if service not in DELIVERED_BY_LOGS:
            original(stream, service=service, **rest)

    send.original = original  # type: ignore[attr-defined]
    LogStream._send_log_events = send


def _leave_metrics_of_streams() -> None:
    """Keep moto's Kinesis from writing metrics of each record into moto's CloudWatch, where nobody reads them."""
    KinesisBackend._send_stream_metrics = lambda *_, **__: None


def _keep_names_of_devices() -> None:
    """Let customer gateways keep the device's name, without which Terraform makes them anew."""
    create = getattr(CustomerGateways.create_customer_gateway, "original", CustomerGateways.create_customer_gateway)

    def named(responses: Any) -> Any:
        answer = create(responses)
        answer.result["CustomerGateway"].device_name = responses._get_param("DeviceName")
        return answer

    named.original = create  # type: ignore[attr-defined]
    CustomerGateways.create_customer_gateway = named


def _leave_bucket_policies_to_us() -> None:
    """Let moto refuse nobody by a bucket's policy: it knows neither conditions nor who calls, and the gateway does."""

    def permitted(bucket: Any, action: str, resource: str) -> PermissionResult:  # noqa: ARG001
        return PermissionResult.PERMITTED

    FakeBucket.get_permission = permitted


def _leave_checksums_to_us() -> None:
    """Give moto all of S3's checksums.

    It needs packages for CRC32C and CRC64NVME, and without them takes CRC32 for either.
    """

    def compute(body: bytes | Content, algorithm: str, encode_base64: bool = True) -> bytes:
        digest = contents.checksum(body, algorithm if is_computed(algorithm) else "SHA256")
        return base64.b64encode(digest) if encode_base64 else digest

    s3_models.compute_checksum = s3_responses.compute_checksum = compute


def _send_events_whole() -> None:
    """Let EventBridge's targets have the event as it is where nobody transforms it.

    moto takes it apart by a template even then, which loses the account and needs a package of its own.
    """
    original = getattr(EventTemplateParser.parse, "original", EventTemplateParser.parse)

    def parsed(input_template: str | None, input_paths_map: dict[str, Any], event: Mapping[str, Any]) -> Any:
        if input_template:
            return original(input_template, input_paths_map, event)
        return {name: value for name, value in event.items() if name != "ingestion-time"}

    parsed.original = original  # type: ignore[attr-defined]
    EventTemplateParser.parse = staticmethod(parsed)


def _name_interfaces_by_their_region() -> None:
    """Give network interfaces AWS's names: moto has us-east-1's ending, ec2.internal, in every region."""
    original = getattr(NetworkInterface.__init__, "original", NetworkInterface.__init__)

    def make(interface: Any, *args: Any, **kwargs: Any) -> None:
        original(interface, *args, **kwargs)
        name, region = getattr(interface, "private_dns_name", None), interface.ec2_backend.region_name
        if name and region != "us-east-1":
            interface.private_dns_name = name.replace(".ec2.internal", f".{region}.compute.internal")
            for address in interface.private_ip_addresses:
                if address.get("PrivateDnsName"):
                    address["PrivateDnsName"] = interface.private_dns_name

    make.original = original  # type: ignore[attr-defined]
    NetworkInterface.__init__ = make


def _backend_app(backend: str | None) -> Any:
    """Make moto's application of one service; moto knows no backend for a service that it does not have."""
    if backend is None:
        raise NobodyAnswersError("moto has no such service")
    try:
        with moto_hooks.overlooked():  # it asks a region that nobody meant for the paths of the service
            app = create_backend_app(backend)
    except ModuleNotFoundError as exc:
        raise NobodyAnswersError(f"moto needs the package {exc.name!r} for it, which is not installed") from exc
    app.request_class = type("Request", (_KeepsBody, app.request_class), {})
    # moto has Flask debug: then Flask makes a class for each request, in a circle with it, and every body (an object of
    # 58 MB twice) stays until the rare collection of the oldest garbage. What fails is raised as before.
    app.debug, app.config["PROPAGATE_EXCEPTIONS"] = False, True
    return app


class _KeepsBody:
    """Of moto's requests: a body is a form only where AWS takes it for one; a PUT keeps it, whatever it calls it."""

    method: str

    @property
    def want_form_data_parsed(self) -> bool:
        return self.method == "POST"


def _policies(holder: Any, boundary_arn: str | None) -> PrincipalPolicies:
    inline = tuple((name, _text(document)) for name, document in dict(holder.policies).items())
    attached = tuple((policy.name, _document(policy)) for policy in dict(holder.managed_policies).values())
    known = iam_backends[ACCOUNT_ID][_PARTITION].managed_policies
    boundary = known.get(boundary_arn) if boundary_arn else None
    return PrincipalPolicies(inline + attached, (boundary.name, _document(boundary)) if boundary else None)


def _tags(listed: Iterable[Mapping[str, str]]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in listed}


def _document(policy: Any) -> str:
    """Return the document of a managed policy's default version."""
    return next(_text(version.document) for version in policy.versions if version.is_default)


def _text(document: Any) -> str:
    return document if isinstance(document, str) else json.dumps(document)


def _managed_policy_data(name: str) -> dict[str, Any] | None:
    at = aws_managed_policies_data.find(f'\n "{name}":')
    if at < 0:
        return None
    start = aws_managed_policies_data.index("{", at)
    found: dict[str, Any] = json.JSONDecoder().raw_decode(aws_managed_policies_data, start)[0]
    return found


def _give_memory_back() -> None:
    """Return freed memory to the system; glibc keeps it otherwise. Elsewhere there is nothing to do."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
