"""The documents of two listings that moto does not page: a bucket's uploads in parts, and an account's buckets.

Source: ListMultipartUploads and ListBuckets of the Amazon S3 API reference; LocalStack's recordings of S3
(TestS3ListMultipartUploads, TestS3ListBuckets).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import escape

from lab_helpers.local_aws.s3 import listings
from lab_helpers.local_aws.s3.refusals import invalid_argument
from lab_helpers.local_aws.s3.view import OWNER_ID

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_PAGED = frozenset({"bucket-region", "continuation-token", "max-buckets", "prefix"})
_MOST_UPLOADS, _MOST_BUCKETS = 1000, 10_000
_SOMEBODY = f"<ID>{OWNER_ID}</ID>"


@dataclass(frozen=True)
class ListedUpload:
    """An open upload in parts; `begun` as S3 writes it, checksum's algorithm and type empty where nobody named one."""

    key: str
    upload_id: str
    begun: str
    storage_class: str = "STANDARD"
    algorithm: str = ""
    kind: str = ""


@dataclass(frozen=True)
class ListedBucket:
    """A bucket; `created` as S3 writes it."""

    name: str
    created: str
    region: str
    is_versioned: bool = False


def uploads(params: Mapping[str, Any], listed: Sequence[ListedUpload]) -> bytes:
    """Return a page of a bucket's uploads, which are given in the order in which they were begun.

    Raises AwsError InvalidArgument for a marker that is no upload's.
    """
    prefix, delimiter = str(params.get("prefix", "")), str(params.get("delimiter", ""))
    key = str(params.get("key-marker", ""))
    marker = str(params.get("upload-id-marker", "")) if key else ""
    most = listings.whole_number(params, "max-uploads", 0, 2**31 - 1, _MOST_UPLOADS)
    ordered = sorted(listed, key=lambda each: each.key)
    of_key = [each.upload_id for each in ordered if each.key == key]
    if marker and marker not in of_key:
        raise invalid_argument("Invalid uploadId marker", "upload-id-marker", marker)
    later = set(of_key[of_key.index(marker) + 1 :]) if marker else set()
    found = listings.page(
        ((each.key, each) for each in ordered), prefix, delimiter, key, min(most, _MOST_UPLOADS),
        lambda name, each: name > key or each.upload_id in later,
    )  # fmt: skip
    last = found.entries[-1] if found.entries and not found.ends_with_prefix else None
    is_coded = params.get("encoding-type") == "url"
    coded = quote if is_coded else str
    members = [
        _member("Bucket", params["Bucket"]),
        _member("KeyMarker", coded(key)),
        _member("UploadIdMarker", marker),
        _member("NextKeyMarker", coded(last.key) if last else ""),
        _member("NextUploadIdMarker", last.upload_id if last else ""),
        _member("Prefix", coded(prefix)) if prefix else "",
        _member("Delimiter", coded(delimiter)) if delimiter else "",
        _member("EncodingType", "url") if is_coded else "",
        _member("MaxUploads", min(most, _MOST_UPLOADS)),
        _member("IsTruncated", str(found.is_truncated).lower()),
        *(_upload(each, coded(each.key)) for each in found.entries),
        *(f"<CommonPrefixes>{_member('Prefix', coded(each))}</CommonPrefixes>" for each in found.prefixes),
    ]
    return _document("ListMultipartUploadsResult", "".join(members))


def is_page_of_buckets(params: Mapping[str, Any]) -> bool:
    """Tell whether not simply all buckets are asked for."""
    return not _PAGED.isdisjoint(params)


def buckets(params: Mapping[str, Any], listed: Sequence[ListedBucket], regions: Collection[str]) -> bytes:
    """Return a page of an account's buckets. Raises AwsError InvalidArgument."""
    region, prefix = str(params.get("bucket-region", "")), str(params.get("prefix", ""))
    if region and region not in regions:
        text = f"Argument value {region} is not a valid AWS Region"
        raise invalid_argument(text, "bucket-region")
    most = listings.whole_number(params, "max-buckets", 1, _MOST_BUCKETS, _MOST_BUCKETS)
    told = str(params.get("continuation-token", ""))
    after = listings.read_token(told) if told else ""
    named = sorted((each.name, each) for each in listed if not region or each.region == region)
    found = listings.page(named, prefix, "", after, most)
    inside = "".join(_bucket(each) for each in found.entries)
    more = _member("ContinuationToken", listings.token(found.last)) if found.is_truncated else ""
    more += _member("Prefix", prefix) if prefix else ""
    whole = f"<Owner>{_SOMEBODY}</Owner><Buckets>{inside}</Buckets>{more}"
    return _document("ListAllMyBucketsResult", whole)


def _upload(each: ListedUpload, key: str) -> str:
    checksum = _member("ChecksumAlgorithm", each.algorithm) if each.algorithm else ""
    checksum += _member("ChecksumType", each.kind) if each.kind else ""
    who = f"<Initiator>{_SOMEBODY}</Initiator><Owner>{_SOMEBODY}</Owner>"
    about = _member("Key", key) + _member("UploadId", each.upload_id) + who
    about += _member("StorageClass", each.storage_class) + _member("Initiated", each.begun) + checksum
    return f"<Upload>{about}</Upload>"


def _bucket(each: ListedBucket) -> str:
    about = _member("Name", each.name) + _member("CreationDate", each.created) + _member("BucketRegion", each.region)
    return f"<Bucket>{about}</Bucket>"


def _member(name: str, value: Any) -> str:
    return f"<{name}>{escape(str(value))}</{name}>"


def _document(name: str, members: str) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{name} xmlns="{NAMESPACE}">{members}</{name}>'.encode()
