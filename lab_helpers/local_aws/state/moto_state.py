"""moto's state kept: what a call changed is written before the call is answered.

moto is asked which backends a call asked for. A call that can be repeated is noted (journal.py), and the backends that
it asked for are frozen whole a second later, when the notes of them go; those of any other call that changes something
are frozen before it is answered, and with them what notes there are of calls that asked for one of them. What grows,
log events and objects, has rows of its own (moto_hooks.py), and so has each bucket of S3 (object_rows.py). A backend
is restored when it is first asked for.
Not kept: what moto would do by itself as time passes; it does nothing of the kind for the services of this lab.
"""

from __future__ import annotations

import hashlib
import logging
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lab_helpers.base.errors import StateDamagedError
from lab_helpers.local_aws.state import moto_hooks as hooks
from lab_helpers.local_aws.state.changes import Change, is_repeatable
from lab_helpers.local_aws.state.freezing import NotKeptError, freeze, thaw
from lab_helpers.local_aws.state.journal import MOST, Journal, NotedCall, Terms
from lab_helpers.local_aws.state.moto_chance import under
from lab_helpers.local_aws.state.moto_hooks import Key, Place
from lab_helpers.local_aws.state.object_files import ObjectFolder
from lab_helpers.local_aws.state.object_rows import S3, ObjectRows
from lab_helpers.local_aws.state.store import StateStore

_LOG = logging.getLogger(__name__)
ROOM = "moto"
_IAM = "iam.IAMBackend"
_CHANGE_IAM = frozenset({"iam", "", "cloudformation", "tagging"})
"""Whose calls may change IAM; for every other one moto asks IAM, in all partitions, whose key it came with."""
_LOGS, _EC2 = "logs.LogsBackend", "ec2.EC2Backend"
_LATER = frozenset({"PutLogEvents"})
"""Operations whose data has rows of its own: what else they change (a stream's last ingestion) can wait a second."""
_SHARE = 0.02
"""Of the time, what freezing later may take at most: where much is held, it is done less often."""
_ENDS_STREAMS = frozenset({"DeleteLogGroup", "DeleteLogStream"})
_CLASSIC = "elb.ELBBackend"
"""Classic load balancers: moto asks the system for their time, so that their calls cannot be repeated."""
_NOT_NOTED = frozenset({_CLASSIC, S3})
"""Who asks one of them is not noted: S3 may have what is written only when its own call's answer is complete."""
_MACHINE_IMAGES = ("amis", "snapshots")
"""A megabyte that every EC2 backend makes by itself; kept only when somebody adds to it."""


class MotoState:
    """moto's backends and the store; its owner calls it from one thread at a time."""

    def __init__(self, store: StateStore, objects: Path) -> None:
        self._store = store
        folder = ObjectFolder(objects)
        self._place, self._objects = Place(store, folder), ObjectRows(store, folder)
        self._place.restore = self._restore
        self._digests: dict[Key, bytes] = {}
        self._images: dict[Key, tuple[int, ...]] = {}
        self._later: set[Key] = set()
        self._noted: set[Key] = set()
        self._unsplit: set[Key] = set()
        self._journal = Journal(store)
        self._changed_directly = False
        self._not_before = 0.0
        self._is_open = False
        self.failures: dict[str, str] = {}

    def begin(self) -> None:
        """Take moto over: its backends are from now on those of the store, and what nobody holds is removed."""
        self._before = hooks.use(self._place)
        hooks.forget_all()
        self._is_open = True
        self._objects.sweep()
        self._read()
        for key in sorted(self._unsplit):
            with self._writing(()):
                self._objects.split(key, hooks.backend_of(key))
                self._keep(key)

    def repeat(self, ask: Callable[[Mapping[str, str], bytes], tuple[int, bytes]]) -> None:
        """Let moto answer (status, body) what an earlier server noted, before anybody else asks; then write it.

        Raises StateDamagedError when a call ends otherwise than it did; nothing is written then.
        """
        calls = self._journal.take()
        for call in calls:
            hooks.forget_touched()
            self._repeat_one(call, ask)
            self._noted |= {key for key in hooks.touched()[0] if key[0] != _IAM or key[2] == "aws"}
        if calls:
            _LOG.info("%d calls of the server before were repeated", len(calls))
            self._write_waiting()

    def end(self) -> None:
        """Keep what waits, and leave moto empty; nothing when it was never taken over, or refused."""
        if not self._is_open:
            return
        self._write_waiting()
        self.keep(hooks.key_of(each) for each in hooks.loaded())
        self.sync()
        self._leave()

    def terms(self, change: Change | None) -> Terms | None:
        """Return the terms under which moto is to answer this thread's call, so that it can be repeated.

        None when it cannot be, or when somebody changed moto's objects past a call before.
        """
        if change is None or self._changed_directly or not is_repeatable(change) or hooks.touched()[0]:
            return None
        return Terms.new()

    def changed_directly(self, backend: Any) -> None:
        """Note that a backend was changed past any call: no call can be repeated until it is written."""
        self._noted.add(hooks.key_of(backend))
        self._changed_directly = True

    def may_wait(self, change: Change | None) -> bool:
        """Tell whether what this thread's call changed may be kept later, before it is answered: it is S3's alone."""
        is_of_s3 = change is not None and change.service == "s3"
        return is_of_s3 and all(key[0] in {S3, _IAM} for key in hooks.touched()[0])

    def settle(self, change: Change | None, call: NotedCall | None = None) -> None:
        """Keep what this thread's call to moto changed; None: it only read, and may have made backends.

        `call` is there when it was answered under terms.
        """
        asked, made = hooks.touched()
        hooks.forget_touched()
        iam = change is not None and change.service in _CHANGE_IAM
        asked, made = ({key for key in keys if key[0] != _IAM or (iam and key[2] == "aws")} for keys in (asked, made))
        if change is None:
            self._later |= asked - made
            self.keep(made)
        elif change.operation in _LATER:
            self._later |= asked
        elif call is not None and not made and not any(key[0] in _NOT_NOTED for key in asked):
            with self._writing(asked):
                self._journal.add(call)
            self._noted |= asked
        elif asked or change.bucket:
            with self._writing(asked):
                if change.bucket and not change.no_keys:
                    self._objects.keep_keys(change)
                if self._noted and any(key in self._noted or key[0] == _IAM for key in asked):
                    self._write_noted()
                self.keep(asked, change)
                if change.operation in _ENDS_STREAMS:
                    self._forget_streams()
            self._objects.remove_files()

    def keep_later(self) -> None:
        """Keep what calls left for later, unless that took long and was done of late."""
        if time.monotonic() >= self._not_before or len(self._journal) >= MOST:
            began = time.thread_time()
            self._write_waiting()
            self._not_before = time.monotonic() + (time.thread_time() - began) / _SHARE

    def sync(self) -> None:
        """Bring the files of objects to the disk itself."""
        self._objects.sync()

    def keep(self, keys: Iterable[Key], change: Change | None = None) -> None:
        """Write the backends that are not as they were last written; of S3 what the change of a bucket may change."""
        for key in keys:
            try:
                if key[0] == S3 and change is not None and change.bucket:
                    self._keep_bucket(key, change)
                else:
                    self._keep(key)
            except NotKeptError as exc:
                name = "/".join(key)
                if name not in self.failures:
                    _LOG.error("%s will not outlive this server: %s", name, exc)
                self.failures[name] = str(exc)

    def _write_waiting(self) -> None:
        waiting, self._later = self._later, set()
        with self._writing(waiting):
            waiting = waiting - self._noted
            self._write_noted()
            self.keep(waiting)
        self._objects.remove_files()

    def _write_noted(self) -> None:
        """Write the backends that noted calls changed, all at once, and drop the notes."""
        noted, self._noted = self._noted, set()
        self._changed_directly = False
        self.keep(noted)
        self._journal.forget()

    @contextmanager
    def _writing(self, keys: Iterable[Key]) -> Iterator[None]:
        """Write all or nothing; if nothing, these backends still wait, and no call is repeated on what is not there."""
        noted, length, digests = self._noted, len(self._journal), dict(self._digests)
        try:
            with hooks.MAKING, self._store.change():
                yield
        except BaseException:
            self._noted, self._digests, self._changed_directly = noted | set(keys), digests, True
            self._journal.begin_at(length)
            self._objects.leave_files()
            raise

    def _repeat_one(self, call: NotedCall, ask: Callable[[Mapping[str, str], bytes], tuple[int, bytes]]) -> None:
        try:
            with under(call.terms):
                status, body = ask(call.environ, call.body)
        except Exception as exc:
            raise self._refusal(call, f"{type(exc).__name__}: {exc}") from exc
        if status != call.status:
            raise self._refusal(call, f"status {status} after {call.status}")
        if zlib.crc32(body) != call.answer_sum:
            _LOG.error("%s was repeated for the state, and answered something else than it did", call.name)
            self.failures[call.name] = "a repeated call had another answer"

    def _refusal(self, call: NotedCall, why: str) -> StateDamagedError:
        self._leave()
        return StateDamagedError(str(self._store.path), f"{call.name} could not be repeated: {why}")

    def _leave(self) -> None:
        self._is_open = False
        hooks.forget_all()
        hooks.use(self._before)

    def _keep_bucket(self, key: Key, change: Change) -> None:
        if change.only_keys:
            return
        backend = hooks.backend_of(key)
        self._objects.keep_bucket(key, backend, change.bucket)
        if key not in self._digests:
            self._keep_whole(key, backend)  # by which a server finds S3's rows
        self._later.add(key)  # nothing else of S3 changes, as far as is known

    def _keep(self, key: Key) -> None:
        backend = hooks.backend_of(key)
        if key[0] != S3:
            self._keep_whole(key, backend)
            return
        with self._store.change():
            self._objects.keep_buckets(key, backend)
            self._keep_whole(key, backend)

    def _keep_whole(self, key: Key, backend: Any) -> None:
        data = freeze(self._state_of(key, backend), hooks.reducers())
        digest = hashlib.blake2b(data, digest_size=16).digest()
        if self._digests.get(key) != digest:
            self._store.put(ROOM, "/".join(key), data)
            self._digests[key] = digest

    def _state_of(self, key: Key, backend: Any) -> dict[str, Any]:
        if key[0] == S3:
            return hooks.rest_of_buckets(backend)
        state = dict(backend.__dict__)
        if key[0] == _EC2 and tuple(len(state[name]) for name in _MACHINE_IMAGES) == self._images.get(key):
            for name in _MACHINE_IMAGES:
                del state[name]
        return state

    def _restore(self, key: Key, backend: Any) -> None:
        hooks.know(backend)
        if key[0] == _EC2:
            self._images[key] = tuple(len(getattr(backend, name)) for name in _MACHINE_IMAGES)
        data = self._store.get(ROOM, "/".join(key))
        if data is None:
            return
        self._digests[key] = hashlib.blake2b(data, digest_size=16).digest()
        if key[0] != S3:
            backend.__dict__.update(thaw(data))
        elif self._objects.restore(key, backend, thaw(data)):
            self._unsplit.add(key)

    def _forget_streams(self) -> None:
        backends = [each for each in hooks.loaded() if hooks.key_of(each)[0] == _LOGS]
        kept = {number for each in backends for number in hooks.streams_of(each)}
        unloaded = {name for name in self._store.names(ROOM) if name.startswith(f"{_LOGS}/")}
        if unloaded <= {"/".join(hooks.key_of(each)) for each in backends}:
            self._place.events.forget_all_but(kept)

    def _read(self) -> None:
        """Restore all backends now: a state that cannot be read is refused as a whole, before anything answers."""
        for name in self._store.names(ROOM):
            try:
                hooks.backend_of((*name.split("/"),))  # type: ignore[arg-type]
            except Exception as exc:
                _LOG.exception("%s cannot be read", name)
                self._leave()
                raise StateDamagedError(str(self._store.path), f"{name}: {type(exc).__name__}") from exc
