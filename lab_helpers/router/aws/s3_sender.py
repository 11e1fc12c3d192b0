"""Decide when gathered files become objects, and send them: the S3 output without its options and texts.

Source: Fluent Bit 5.1.1: an object's time is the first record's, at the end and for an earlier run's files the file's
own; a file that failed more than `retry_limit` times is put aside.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from lab_helpers.router.aws.s3_keys import object_key, random_part
from lab_helpers.router.aws.s3_store import S3Store, StoredFile
from lab_helpers.router.aws.s3_uploads import S3Calls, Upload
from lab_helpers.router.core.log import Log

MIN_PART_BYTES = 5_242_880


@dataclass(frozen=True)
class S3Settings:
    """When to send and under which key; sizes in bytes, `timeout_s` in seconds, `compress` None leaves bodies plain.

    A file that failed more than `retry_limit` times goes into the quarantine folder, which holds `quarantine_bytes` (0:
    any), or is deleted.
    """

    timeout_s: int
    file_bytes: int
    part_bytes: int
    puts_only: bool
    retry_limit: int
    key_format: str
    tag_delimiters: str
    static_path: bool
    compress: Callable[[bytes], bytes] | None = None
    quarantines: bool = True
    quarantine_bytes: int = 0


class S3Sender:
    """Sends files of the store; `core_log` is for lines without the output's name."""

    def __init__(self, settings: S3Settings, store: S3Store, calls: S3Calls, log: Log, core_log: Log) -> None:
        self._settings, self._store, self._calls = settings, store, calls
        self._log, self._core_log = log, core_log
        self._index = store.read_index()
        self._uploads: list[Upload] = []
        self._queue: list[tuple[StoredFile, Upload | None]] = []
        # with the upload that was open when the file came: each further try of a first part begins another one

    def enqueue(self, file: StoredFile) -> None:
        """Close the file for further records and send what is queued, in order."""
        file.locked = True
        self._queue.append((file, self._upload_for(file.tag)))
        self._send_queue()

    def tick(self) -> None:
        """Look for files and multipart uploads whose time is up."""
        if self._queue:
            self._send_queue()
            return
        self._log.info("Running upload timer callback (cb_s3_upload)..")
        now, timeout_s = time.time(), self._settings.timeout_s
        for file in [one for one in self._store.files if not one.locked and now >= one.created_at + timeout_s]:
            if not self._send(file, self._upload_for(file.tag)):
                self._log.error(f"Could not send chunk with tag {file.tag}")
                self._give_up_if_spent(file)
        for upload in list(self._uploads):
            self._look_after(upload, now)

    def end(self) -> None:
        """Send everything that is still here and close the connection."""
        if self._store.files:
            self._log.info("Sending all locally buffered data to S3")
            if not self._send_all():
                self._log.error("Could not send all chunks on exit")
        for upload in [one for one in self._uploads if one.size and one.upload_id]:
            if not self._calls.complete(upload):
                self._log.error(f"Could not complete upload {upload.key}")
        self._calls.close()

    def is_due(self, file: StoredFile, more: int) -> bool:
        """Whether the file is to be sent with this many bytes more."""
        tag = file.tag
        now = time.time()
        upload = self._upload_for(tag)
        if now > file.created_at + self._settings.timeout_s or (
            upload and now > upload.started_at + self._settings.timeout_s
        ):
            self._log.info(f"upload_timeout reached for {tag}")
            return True
        return file.size + more > self._settings.part_bytes or bool(
            upload and upload.size + more > self._settings.file_bytes
        )

    def _send_queue(self) -> None:
        while self._queue:
            file, upload = self._queue[0]
            if not self._send(file, upload):
                if file.failures <= self._settings.retry_limit:
                    return
                self._log.warn(f"Chunk file failed to send {file.failures} times, will not retry")
                self.exhausted(file)
            self._queue.pop(0)

    def _send(self, file: StoredFile, upload: Upload | None) -> bool:
        """Upload one file, as an object or as a part of an upload; count a failure."""
        body = self._body(file)
        if upload is not None or self._wants_multipart(file, len(body)):
            sent = self._send_part(file, body, upload)
        else:
            sent = self._put(file.tag, body, file.first_log_time)
        if sent:
            self._store.delete(file)
        else:
            file.failures += 1
        return sent

    def _wants_multipart(self, file: StoredFile, size: int) -> bool:
        is_late = time.time() > file.created_at + self._settings.timeout_s
        return not self._settings.puts_only and not is_late and MIN_PART_BYTES < size < self._settings.file_bytes

    def _upload_for(self, tag: str) -> Upload | None:
        """Return the multipart upload that takes further parts of this tag; one that failed too often takes none."""
        for upload in self._uploads:
            if upload.closing:
                continue
            if upload.errors > self._settings.retry_limit:
                upload.closing = True
                self._log.error(f"Upload for {upload.key} has reached max upload errors")
            elif upload.tag == tag:
                return upload
        return None

    def _send_part(self, file: StoredFile, body: bytes, upload: Upload | None) -> bool:
        is_last = upload is not None and len(body) < MIN_PART_BYTES
        if upload is None:
            upload = Upload(file.tag, self._path(file.tag, file.first_log_time))
            self._uploads.append(upload)
        if not upload.upload_id and not self._calls.create(upload):
            return False
        if not self._calls.add_part(upload, body):
            return False
        upload.closing = self._is_complete(upload) or is_last
        return True

    def _is_complete(self, upload: Upload) -> bool:
        """Whether the upload is to take no more parts; the timer completes it then."""
        reason = ""
        if upload.size >= self._settings.file_bytes:
            reason = "uploaded data is greater than size set by total_file_size"
        elif time.time() > upload.started_at + self._settings.timeout_s:
            reason = "upload_timeout has elapsed"
        if reason:
            self._log.info(f"Will complete upload for {upload.key} because {reason}")
        return bool(reason)

    def _look_after(self, upload: Upload, now: float) -> None:
        """Complete the upload where it is time, give it up where that failed too often."""
        if upload.complete_errors > self._settings.retry_limit:
            self._log.error(f"Upload for {upload.key} has reached max completion errors, plugin will give up")
            self._uploads.remove(upload)
            return
        if not upload.upload_id:
            return
        if now > upload.started_at + self._settings.timeout_s:
            self._log.info(f"Completing upload for {upload.key} because upload_timeout has passed")
            upload.closing = True
        if not upload.closing:
            return
        self._uploads.remove(upload)
        if not self._calls.complete(upload):
            upload.complete_errors += 1
            self._uploads.append(upload)
            self._log.error(f"Could not complete upload {upload.key}, will retry..")

    def _put(self, tag: str, body: bytes, when: float) -> bool:
        key = self._object_key(tag, when)
        if "$INDEX" not in self._settings.key_format:
            return self._calls.put(key, body)
        self._store.write_index(self._index + 1)
        sent = self._calls.put(key, body)
        self._index += sent
        self._store.write_index(self._index)
        return sent

    def _send_all(self) -> bool:
        for file in list(self._store.files):
            if file.failures > self._settings.retry_limit:
                self._give_up_if_spent(file)
            elif self._put(file.tag, self._body(file), file.created_at):
                self._store.delete(file)
            else:
                return False
        return True

    def send_leftover(self) -> None:
        """Send what an earlier run has left in the store."""
        if not self._store.leftover:
            return
        self._log.info("Sending locally buffered data from previous executions to S3")
        for file in list(self._store.leftover):
            if not self._put(file.tag, self._body(file), file.created_at):
                self._log.error("Failed to send locally buffered data left over from previous executions; will retry")
                return
            self._store.delete(file)

    def _give_up_if_spent(self, file: StoredFile) -> None:
        limit = self._settings.retry_limit
        if file.failures > limit:
            self._log.warn(f"Chunk for tag {file.tag} failed to send {file.failures}/{limit} times, will not retry")
            self.exhausted(file)

    def exhausted(self, file: StoredFile) -> None:
        """Put a file that failed too often aside, or delete it, as the settings say."""
        if not self._settings.quarantines:
            self._store.delete(file)
        elif self._store.quarantine(file, self._settings.quarantine_bytes):
            self._log.warn("retry-exhausted chunk moved to quarantine")
        else:
            self._log.warn("quarantine limit reached, deleting retry-exhausted chunk")
            self._store.delete(file)

    def _body(self, file: StoredFile) -> bytes:
        data = file.read()
        compress = self._settings.compress
        return data if compress is None else compress(data)

    def _path(self, tag: str, when: float) -> str:
        """Return the key that s3_key_format says: a multipart upload's."""
        settings = self._settings
        return object_key(settings.key_format, when, tag, settings.tag_delimiters, self._index, self._core_log)

    def _object_key(self, tag: str, when: float) -> str:
        """Return the key of a PutObject: with random characters behind it, unless it is unlike others already."""
        key_format, key = self._settings.key_format, self._path(tag, when)
        named = "$UUID" in key_format or "$INDEX" in key_format or self._settings.static_path
        return key if named else f"{key}-object{random_part()}"
