"""Firehose of the local AWS: records in, buffered on disk, delivered to S3 with the Firehose role."""

from lab_helpers.local_aws.firehose.limits import Quota
from lab_helpers.local_aws.firehose.service import FirehoseService

__all__ = ["FirehoseService", "Quota"]
