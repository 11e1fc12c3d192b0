"""Keys that the customer keeps, as LocalStack recorded S3 (TestS3SSECEncryption)."""

from __future__ import annotations

import base64
import hashlib
import sqlite3
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab_helpers.local_aws.kit.api import AwsError
from lab_helpers.local_aws.s3 import customer_keys
from lab_helpers.local_aws.server import LocalAws
from lab_helpers.local_aws.state.store import FILE
from tests.support.buckets import HERE, bucket, remove

BUCKET = "sealed-things"
ONE, TWO = b"1234567890abcdef1234567890abcdef", b"abcdef1234567890abcdef1234567890"
WRONG_KEY = (
    "Requests specifying Server Side Encryption with Customer provided keys must provide the correct secret key."
)


def _given(key: bytes, algorithm: str = "AES256", begin: str = "") -> dict[str, str]:
    """A key as boto3's parameters."""
    told = {"Algorithm": algorithm, "Key": _text(key), "KeyMD5": _text(hashlib.md5(key).digest())}
    return {f"{begin}SSECustomer{name}": value for name, value in told.items()}


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()


@pytest.fixture
def s3(aws: LocalAws) -> Iterator[Any]:
    """A client and a bucket."""
    with bucket(aws.client("s3"), BUCKET) as client:
        yield client


def _refusal(call: Any, **params: Any) -> tuple[str, str, int]:
    with pytest.raises(ClientError) as caught:
        call(Bucket=BUCKET, **params)
    told: Any = caught.value.response
    return told["Error"]["Code"], told["Error"]["Message"], told["ResponseMetadata"]["HTTPStatusCode"]


@pytest.mark.parametrize(
    ("given", "code", "message", "value"),
    [
        ({"ALGORITHM": "KMS", "KEY": _text(ONE), "": "AES256"}, "InvalidArgument",
         "Server Side Encryption with Customer provided key is incompatible with the encryption method specified",
         "AES256"),
        ({"ALGORITHM": "KMS", "KEY": _text(ONE)}, "InvalidEncryptionAlgorithmError",
         "The Encryption request you specified is not valid. Supported value: AES256.", "KMS"),
        ({"KEY": _text(ONE)}, "InvalidArgument", "Requests specifying Server Side Encryption with Customer provided "
         "keys must provide a valid encryption algorithm.", None),
        ({"ALGORITHM": "AES256", "KEY_MD5": "x"}, "InvalidArgument", "Requests specifying Server Side Encryption with "
         "Customer provided keys must provide an appropriate secret key.", None),
        ({"ALGORITHM": "AES256", "KEY": _text(ONE)}, "InvalidArgument", "Requests specifying Server Side Encryption "
         "with Customer provided keys must provide the client calculated MD5 of the secret key.", None),
        ({"ALGORITHM": "AES256", "KEY": _text(ONE[:10]), "KEY_MD5": "x"}, "InvalidArgument",
         "The secret key was invalid for the specified algorithm.", None),
        ({"ALGORITHM": "AES256", "KEY": _text(ONE), "KEY_MD5": _text(hashlib.md5(TWO).digest())}, "InvalidArgument",
         "The calculated MD5 hash of the key did not match the hash that was provided.", None),
    ],
)  # fmt: skip
def test_keys_that_are_none(given: dict[str, str], code: str, message: str, value: str | None) -> None:
    """test_put_object_validation_sse_c; `""` is the encryption that S3 does itself."""
    header = "HTTP_X_AMZ_SERVER_SIDE_ENCRYPTION"
    environ: dict[str, Any] = {f"{header}_CUSTOMER_{name}" if name else header: text for name, text in given.items()}
    with pytest.raises(AwsError) as caught:
        customer_keys.checked("PutObject", {}, environ, ("", "", ""), _NoSeals(), is_there=False)
    assert (caught.value.code, caught.value.message) == (code, message)
    told = {"ArgumentName": "x-amz-server-side-encryption"}
    assert caught.value.extra == (told if value is None else {**told, "ArgumentValue": value})


class _NoSeals:
    def seal(self, bucket: str, key: str, version: str) -> str:  # noqa: ARG002
        return ""

    def upload_seal(self, bucket: str, upload_id: str) -> str:  # noqa: ARG002
        return ""


def test_an_object_is_read_with_its_key_only(s3: Any) -> None:
    """test_object_retrieval_sse_c: each way to read it, and what is told in place of S3's own encryption."""
    own = {"SSECustomerAlgorithm": "AES256", "SSECustomerKeyMD5": _given(ONE)["SSECustomerKeyMD5"]}
    put = s3.put_object(Bucket=BUCKET, Key="a", Body=b"test_data", **_given(ONE))
    for told in (put, s3.head_object(Bucket=BUCKET, Key="a", **_given(ONE)),
                 s3.get_object(Bucket=BUCKET, Key="a", **_given(ONE))):  # fmt: skip
        assert {name: told.get(name) for name in own} == own
        assert "ServerSideEncryption" not in told
    assert s3.get_object(Bucket=BUCKET, Key="a", **_given(ONE))["Body"].read() == b"test_data"
    asks = (
        "InvalidRequest",
        "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to "
        "retrieve the object.",
        400,
    )
    assert _refusal(s3.get_object, Key="a") == asks
    assert _refusal(s3.get_object_attributes, Key="a", ObjectAttributes=["ETag"]) == asks
    assert _refusal(s3.get_object, Key="a", **_given(TWO)) == ("AccessDenied", WRONG_KEY, 403)
    assert _refusal(s3.head_object, Key="a", **_given(TWO))[0] == "403"
    assert _refusal(s3.head_object, Key="a", **_given(ONE, "KMS"))[0] == "400"
    assert _refusal(s3.get_object, Key="a", **_given(ONE, "KMS"))[0] == "InvalidEncryptionAlgorithmError"
    s3.put_object(Bucket=BUCKET, Key="a", Body=b"plain")
    assert _refusal(s3.get_object, Key="a", **_given(ONE))[1] == (
        "The encryption parameters are not applicable to this object."
    )
    assert s3.get_object(Bucket=BUCKET, Key="a")["ServerSideEncryption"] == "AES256"
    assert s3.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 1
    link = s3.generate_presigned_url("put_object", Params={"Bucket": BUCKET, "Key": "a", **_given(ONE)})
    headers = {f"x-amz-server-side-encryption-customer-{name}": _given(ONE)[f"SSECustomer{word}"]
               for name, word in (("algorithm", "Algorithm"), ("key", "Key"), ("key-MD5", "KeyMD5"))}  # fmt: skip
    asked = urllib.request.Request(link, b"test data..", {**headers, "Content-Type": ""}, method="PUT")
    with urllib.request.urlopen(asked) as answer:  # a client that says no checksum
        assert answer.status == 200
    told = s3.head_object(Bucket=BUCKET, Key="a", ChecksumMode="ENABLED", **_given(ONE))
    assert told["ChecksumCRC64NVME"] == "qUVrWYOrIAM="


def test_copies(s3: Any) -> None:
    """test_copy_object_with_sse_c: the source's key, the target's own, and none for a target of S3's encryption."""
    source, own = _given(ONE, begin="CopySource"), _given(TWO)
    s3.put_object(Bucket=BUCKET, Key="a", Body=b"a", **_given(ONE))
    place = {"Key": "b", "CopySource": f"{BUCKET}/a"}
    assert s3.copy_object(Bucket=BUCKET, **place, **source)["ServerSideEncryption"] == "AES256"
    assert s3.get_object(Bucket=BUCKET, Key="b")["Body"].read() == b"a"
    told = s3.copy_object(Bucket=BUCKET, **place, **source, **own)
    assert told["SSECustomerKeyMD5"] == own["SSECustomerKeyMD5"]
    assert _refusal(s3.get_object, Key="b")[0] == "InvalidRequest"
    assert s3.get_object(Bucket=BUCKET, Key="b", **own)["Body"].read() == b"a"
    assert _refusal(s3.copy_object, **place, **own)[0] == "InvalidRequest"
    assert _refusal(s3.copy_object, **place, **_given(TWO, begin="CopySource"))[:2] == ("AccessDenied", WRONG_KEY)
    wrong = _given(ONE, "KMS", "CopySource")
    assert _refusal(s3.copy_object, **place, **wrong)[0] == "InvalidEncryptionAlgorithmError"
    both = _refusal(s3.copy_object, **place, **source, **own, ServerSideEncryption="AES256")
    assert both[1].startswith("Server Side Encryption with Customer provided key is incompatible")


def test_parts(s3: Any) -> None:
    """test_multipart_upload_sse_c and …_validation: each part with the upload's key, the whole without."""
    plain = s3.create_multipart_upload(Bucket=BUCKET, Key="p")["UploadId"]
    part = {"Key": "p", "PartNumber": 1, "Body": b"x"}
    asks = "The multipart upload initiate requested encryption. Subsequent part requests must include the appropriate "
    assert _refusal(s3.upload_part, **part, UploadId=plain, **_given(ONE))[1] == f"{asks}encryption parameters."
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="p", **_given(ONE))
    assert "ServerSideEncryption" not in upload
    part["UploadId"] = upload["UploadId"]
    assert _refusal(s3.upload_part, **part)[1] == f"{asks}encryption parameters."
    assert _refusal(s3.upload_part, **part, **_given(TWO))[:2] == (
        "InvalidRequest", "The provided encryption parameters did not match the ones used originally.")  # fmt: skip
    made = s3.upload_part(Bucket=BUCKET, **part, **_given(ONE))
    assert made["SSECustomerKeyMD5"] == upload["SSECustomerKeyMD5"]
    done = s3.complete_multipart_upload(
        Bucket=BUCKET, Key="p", UploadId=upload["UploadId"],
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": made["ETag"]}]},
    )  # fmt: skip
    assert "ServerSideEncryption" not in done
    assert "ChecksumCRC64NVME" not in done  # as recorded: S3 makes one of an object, none of a customer's parts
    head = s3.head_object(Bucket=BUCKET, Key="p", ChecksumMode="ENABLED", **_given(ONE))
    assert "ChecksumCRC64NVME" not in head
    assert _refusal(s3.get_object, Key="p")[0] == "InvalidRequest"
    assert s3.get_object(Bucket=BUCKET, Key="p", **_given(ONE))["Body"].read() == b"x"


def test_versions_have_keys_of_their_own(s3: Any) -> None:
    """test_sse_c_with_versioning."""
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket=BUCKET, Key="a", Body=b"1", **_given(ONE))["VersionId"]
    s3.put_object(Bucket=BUCKET, Key="a", Body=b"2", **_given(TWO))
    assert s3.get_object(Bucket=BUCKET, Key="a", **_given(TWO))["Body"].read() == b"2"
    assert _refusal(s3.get_object, Key="a", VersionId=first, **_given(TWO))[:2] == ("AccessDenied", WRONG_KEY)
    assert s3.get_object(Bucket=BUCKET, Key="a", VersionId=first, **_given(ONE))["Body"].read() == b"1"


def test_no_key_is_kept(tmp_path: Path) -> None:
    """The next server asks for it again; nothing in the state's folder has it, in any of its forms."""
    with LocalAws(tmp_path, factories=[], keeps_state=True) as aws:
        s3 = aws.client("s3")
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=HERE)
        s3.put_object(Bucket=BUCKET, Key="a", Body=b"a", **_given(ONE))
        s3.create_multipart_upload(Bucket=BUCKET, Key="b", **_given(ONE))
    with closing(sqlite3.connect(next(tmp_path.rglob(FILE)))) as db:
        written = "\n".join(db.iterdump())
    digest = hashlib.md5(ONE).digest()
    files = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    for secret in (ONE, _text(ONE).encode(), digest, _text(digest).encode()):
        assert secret not in files
        assert secret.hex().upper() not in written
    with LocalAws(tmp_path, factories=[], keeps_state=True) as again:
        s3 = again.client("s3")
        assert _refusal(s3.get_object, Key="a")[0] == "InvalidRequest"
        assert _refusal(s3.get_object, Key="a", **_given(TWO))[0] == "AccessDenied"
        assert s3.get_object(Bucket=BUCKET, Key="a", **_given(ONE))["Body"].read() == b"a"
        upload = s3.list_multipart_uploads(Bucket=BUCKET)["Uploads"][0]["UploadId"]
        part = {"Key": "b", "PartNumber": 1, "UploadId": upload, "Body": b"x"}
        assert _refusal(s3.upload_part, **part)[0] == "InvalidRequest"
        assert s3.upload_part(Bucket=BUCKET, **part, **_given(ONE))["ETag"]
        remove(s3, BUCKET)
