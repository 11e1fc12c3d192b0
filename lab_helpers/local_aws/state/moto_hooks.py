"""Where moto's own objects are changed so that they can be kept: events and objects on disk, backends found.

With moto_bridge.py and moto_chance.py the only importer of moto; `tests/local_aws/state/test_moto_hooks.py` holds the
names that this relies on, so that an upgrade of moto fails there.
"""

from __future__ import annotations

import copy
import importlib
import tempfile
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache, wraps
from types import SimpleNamespace
from typing import Any

from moto.cloudwatch.models import Dashboard
from moto.core import utils as moto_utils
from moto.core.base_backend import AccountSpecificBackend, BackendDict, BaseBackend, allow_unknown_region, backend_lock
from moto.core.common_models import BaseModel
from moto.logs.models import LogStream
from moto.s3 import models as s3_models

from lab_helpers.local_aws.state.events import EventList, EventTable
from lab_helpers.local_aws.state.freezing import freeze, thaw
from lab_helpers.local_aws.state.moto_chance import give_clock, number_of, other_random_numbers
from lab_helpers.local_aws.state.object_files import ObjectFile, ObjectFolder
from lab_helpers.local_aws.state.store import StateStore

Key = tuple[str, str, str]
"""A backend: its class ("ec2.EC2Backend"), account and region (or partition)."""


class Place:
    """Where moto's objects are kept now. Without a folder nothing outlives the process, and objects are in memory."""

    def __init__(self, store: StateStore, objects: ObjectFolder | None = None) -> None:
        self.store, self.objects, self.events = store, objects, EventTable(store)
        self.restore: Callable[[Key, Any], None] = lambda key, backend: None  # noqa: ARG005
        """Called for every backend that moto makes, before anybody sees it."""


MAKING = backend_lock
"""Held while a backend is made, and read from the store: whoever needs the store and a backend takes this one first."""
place = Place(StateStore(None, "memory"))
"""One a process, as moto itself is one a process; `use` changes it."""
_seen = threading.local()
_unfinished: dict[Key, Any] = {}


def use(new: Place) -> Place:
    """Keep everything from now on in another place; return the one before."""
    global place
    place, before = new, place
    return before


def touched() -> tuple[set[Key], set[Key]]:
    """Return the backends that this thread asked moto for, and those made on that occasion, since `forget_touched`."""
    return getattr(_seen, "asked", set()), getattr(_seen, "made", set())


def forget_touched() -> None:
    """Begin anew with what this thread asks moto for."""
    _seen.asked, _seen.made = set(), set()


@contextmanager
def overlooked() -> Iterator[None]:
    """Let what this thread asks moto for meanwhile not count."""
    asked, made = (set(each) for each in touched())
    try:
        yield
    finally:
        _seen.asked, _seen.made = asked, made


def key_of(backend: BaseBackend) -> Key:
    """Return the key of a backend."""
    return _class_name(type(backend)), backend.account_id, backend.region_name


def backend_of(key: Key) -> Any:
    """Return a backend, made (and restored) where there is none yet."""
    name, account, region = key
    return _unfinished.get(key) or backends(name)[account][region]


def loaded() -> list[BaseBackend]:
    """Return all backends that there are."""
    with backend_lock:
        return [each for found in list(BackendDict._instances) for _, _, each in list(found.iter_backends())]


def forget_all() -> None:
    """Drop all backends: the next question makes them anew, out of what the place has."""
    with backend_lock:
        for found in list(BackendDict._instances):
            found.clear()
        BackendDict._instances.clear()
        s3_models.s3_backends.bucket_accounts.clear()


@cache
def backends(name: str) -> Any:
    """Return moto's dictionary of the backends of a class."""
    module, _, class_name = name.partition(".")
    models = importlib.import_module(f"moto.{module}.models")
    return next(
        each for each in vars(models).values() if isinstance(each, BackendDict) and each.backend.__name__ == class_name
    )


def _class_name(backend: type) -> str:
    return f"{backend.__module__.split('.')[1]}.{backend.__name__}"


_make_home = BackendDict.__getitem__


@wraps(BackendDict.__getitem__)
def _home_of_account(self: Any, account: str) -> Any:
    """Stand in for BackendDict.__getitem__: an account that is there is found without waiting."""
    found = dict.get(self, account)
    return _make_home(self, account) if found is None else found


@wraps(AccountSpecificBackend.__getitem__)
def _backend_in_region(self: Any, region: str) -> Any:
    """Stand in for AccountSpecificBackend.__getitem__: notes who is asked for, and restores who is made."""
    region = "aws" if region == "global" else region
    found = dict.get(self, region)
    made = found is None
    if made:
        with backend_lock:
            found = dict.get(self, region) or _made(self, region)
    key = (_class_name(self.backend), self.account_id, region)
    if not hasattr(_seen, "asked"):
        forget_touched()
    _seen.asked.add(key)
    if made:
        _seen.made.add(key)
    return found


def _made(home: Any, region: str) -> Any:
    if region not in home.regions and not allow_unknown_region():
        raise KeyError(region)
    give_clock(home.backend.__module__)
    with other_random_numbers():
        backend = home.backend(region, account_id=home.account_id)
    key = key_of(backend)
    _unfinished[key] = backend
    try:
        place.restore(key, backend)
        dict.__setitem__(home, region, backend)
    finally:
        del _unfinished[key]
    return backend


@wraps(BaseModel.__new__)
def _untracked(cls: Any, *_: Any, **__: Any) -> Any:
    """Stand in for BaseModel.__new__, which keeps every object of the process for ever, deleted ones too."""
    return super(BaseModel, cls).__new__(cls)


# -- log streams: their events are on disk

STREAM_BITS = 62
"""Of a stream's number, by which its events are found: no two have the same, and SQLite's integers hold it."""
_make_stream = LogStream.__init__


@wraps(LogStream.__init__)
def _init_stream(self: Any, *given: Any, **named: Any) -> None:
    _make_stream(self, *given, **named)
    self.events = EventList(place.events, number_of(STREAM_BITS))
    if self.events:  # it is made once more, by a call that is repeated: what came later is there
        self.stored_bytes, at = self.events.taken_in()
        self.last_ingestion_time = datetime.fromtimestamp(at / 1000, UTC).replace(tzinfo=None)


@wraps(LogStream._update)
def _update_stream(self: Any) -> None:
    self.first_event_timestamp, self.last_event_timestamp = self.events.span()


@wraps(LogStream.get_log_events)
def _get_log_events(
    self: Any, start_time: Any, end_time: Any, limit: Any, next_token: Any, start_from_head: Any
) -> tuple[list[dict[str, Any]], str, str]:
    """Stand in for LogStream.get_log_events, with the same tokens, reading one page only."""
    first, last = start_time or 0, end_time or 2**62
    total, limit = self.events.number_between(first, last), limit or 10_000
    direction, index = _read_token(next_token)
    if direction == "f":
        start = index + 1
    elif direction == "b":
        start, limit = max(0, index - limit), min(limit, index)
    else:
        start = 0 if start_from_head else max(0, total - limit)
    if start >= total or limit <= 0:
        at = max(0, total - 1) if limit > 0 else 0
        return [], f"b/{at:056d}", f"f/{at:056d}"
    page = self.events.page(first, last, start, limit)
    return [each.to_response_dict() for each in page], f"b/{start:056d}", f"f/{start + len(page) - 1:056d}"


def _read_token(token: str | None) -> tuple[str, int]:
    if token is None:
        return "", 0
    direction, _, index = token.partition("/")
    if direction not in {"f", "b"} or not index.isdecimal():
        from moto.logs.exceptions import InvalidParameterException

        raise InvalidParameterException("The specified nextToken is invalid.")
    return direction, int(index)


def _stored_events(number: int) -> EventList:
    return EventList(place.events, number)


# -- S3: an object's bytes are a file; keys with their tags are rows, and buckets with theirs


def _temporary_file(max_size: int = 0) -> Any:
    """Stand in for tempfile.SpooledTemporaryFile in moto's S3."""
    return tempfile.SpooledTemporaryFile(max_size) if place.objects is None else place.objects.new()


def new_file() -> Any:
    """Return a file for an object of S3 that is to be."""
    return tempfile.TemporaryFile() if place.objects is None else place.objects.new()


def _let_go(self: Any) -> None:
    """Close a key's content with the key: moto warns of one that its reset did not reach, and nobody resets it here."""
    content = self.__dict__.get("_value_buffer")
    if content is not None:
        content.close()
    self.disposed = True


@wraps(s3_models.FakeKey.__getstate__)
def _key_state(self: Any) -> dict[str, Any]:
    if not isinstance(self._value_buffer, ObjectFile):
        return dict(_plain_key_state(self))
    return {name: value for name, value in self.__dict__.items() if name != "lock"}


@wraps(s3_models.FakeKey.__setstate__)
def _set_key_state(self: Any, state: dict[str, Any]) -> None:
    if "_value_buffer" not in state:
        _plain_set_key_state(self, state)
        return
    self.__dict__.update(state)
    self.lock = threading.Lock()


_plain_key_state, _plain_set_key_state = s3_models.FakeKey.__getstate__, s3_models.FakeKey.__setstate__


def _object_file(name: str) -> ObjectFile:
    assert place.objects is not None
    return ObjectFile(place.objects, name)


def _reduce_object_file(file: ObjectFile) -> Any:
    if place.objects is not None and place.objects.seen is not None:
        place.objects.seen.add(file.name)
    return _object_file, (file.name,)


def _reduce_bucket(bucket: Any) -> Any:
    state = {name: value for name, value in bucket.__dict__.items() if name != "keys"}
    if not state.get(DOCUMENTS, True):
        del state[DOCUMENTS]  # it was asked for them, and has none
    return _bucket, (state,)


DOCUMENTS = "_lab_documents"
"""Where a bucket keeps configurations of ours."""
_TAGS = "tags"
"""Where the rest of S3 has its tags; moto's own state has no such name."""
_tags_read: dict[str, dict[str, str | None]] = {}
"""Tags of objects that were read with their keys, until the backend has them; who reads holds MAKING."""


def _bucket(state: dict[str, Any]) -> Any:
    made = s3_models.FakeBucket.__new__(s3_models.FakeBucket)
    made.__dict__.update(state)
    made.keys = s3_models._VersionedKeyStore()
    for key, data in place.store.rows("SELECT key, data FROM objects WHERE bucket = ? ORDER BY rowid", (made.name,)):
        row = thaw(data)
        versions, tags = row if isinstance(row, tuple) else (row, {})  # of a state of before
        made.keys.setlist(key, versions)
        _tags_read.update(tags)
    s3_models.s3_backends.bucket_accounts[made.name] = (made.partition, made.account_id)
    return made


def object_row(backend: Any, bucket: Any, key: str) -> tuple[bytes, str] | None:
    """Return what is to be kept of a key with all its versions and their tags: data, and its files' names.

    None when it is gone.
    """
    versions = bucket.keys.getlist(key)
    if not versions:
        return None
    names = [each.arn for each in versions if isinstance(each, s3_models.FakeKey)]
    tags = {arn: backend.tagger.tags[arn] for arn in names if backend.tagger.tags.get(arn)}
    return with_files(lambda: freeze((list(versions), tags), reducers()))


def bucket_row(backend: Any, bucket: Any) -> tuple[bytes, str]:
    """Return what is to be kept of a bucket without its keys, and of its tags: data, and the files of its uploads."""
    return with_files(lambda: freeze((bucket, backend.tagger.tags.get(bucket.arn)), reducers()))


def rest_of_buckets(backend: Any) -> dict[str, Any]:
    """Return what S3 holds beside buckets that have rows: buckets of tables, with their tags."""
    state = {name: value for name, value in backend.__dict__.items() if name not in {"buckets", "tagger"}}
    named = {each.arn for each in backend.table_buckets.values()}
    tags = {arn: each for arn, each in backend.tagger.tags.items() if arn.split("/")[0] in named} if named else {}
    return {**state, _TAGS: tags}


def restore_buckets(backend: Any, state: dict[str, Any], rows: Iterable[bytes]) -> bool:
    """Give S3 what was kept of it; return whether that is of before buckets had rows, so that it is to be written."""
    backend.__dict__.update({name: value for name, value in state.items() if name != _TAGS})
    tags = backend.tagger.tags
    tags.update(state.get(_TAGS, {}))
    for data in rows:
        bucket, of_bucket = thaw(data)
        backend.buckets[bucket.name] = bucket
        if of_bucket is not None:
            tags[bucket.arn] = of_bucket
    tags.update(_tags_read)
    _tags_read.clear()
    return "buckets" in state


def is_bucket(name: str) -> bool:
    """Tell whether somebody has a bucket of a name."""
    return any(
        name in each.buckets for homes in list(backends("s3.S3Backend").values()) for each in list(homes.values())
    )


def with_files(work: Callable[[], bytes]) -> tuple[bytes, str]:
    """Return what `work` froze and the names of the files in it."""
    if place.objects is None:
        return work(), ""
    place.objects.seen = set()
    try:
        data = work()
        return data, " ".join(sorted(place.objects.seen))
    finally:
        place.objects.seen = None


# -- how moto's objects are frozen


def _reduce_default_dict(found: Any) -> Any:
    """Keep a subclass of defaultdict whose constructor takes something else than a factory."""
    return _default_dict, (type(found),), (found.default_factory, found.__dict__), None, iter(dict.items(found)), _fill


def _default_dict(kind: type) -> Any:
    return defaultdict.__new__(kind)


def _fill(made: Any, state: tuple[Any, dict[str, Any]]) -> None:
    made.default_factory, attributes = state
    made.__dict__.update(attributes)


def _reduce_backend(backend: BaseBackend) -> Any:
    return backend_of, (key_of(backend),)


def _reduce_home(home: Any) -> Any:
    return _home, (_class_name(home.backend), home.account_id)


def _home(name: str, account: str) -> Any:
    return backends(name)[account]


def _reduce_homes(homes: Any) -> Any:
    return backends, (_class_name(homes.backend),)


_REDUCERS: dict[type, Callable[[Any], Any]] = {
    EventList: lambda events: (_stored_events, (events.number,)),
    ObjectFile: _reduce_object_file,
    s3_models.FakeBucket: _reduce_bucket,
    AccountSpecificBackend: _reduce_home,
}


def reducers() -> dict[type, Callable[[Any], Any]]:
    """Return how objects of moto are kept, by class."""
    return _REDUCERS


def know(backend: BaseBackend) -> None:
    """Let a backend be kept by its name where other objects hold it."""
    _REDUCERS[type(backend)] = _reduce_backend
    for homes in (BackendDict, *BackendDict.__subclasses__()):
        _REDUCERS[homes] = _reduce_homes
    for kind in defaultdict.__subclasses__():
        _REDUCERS[kind] = _reduce_default_dict


def streams_of(backend: Any) -> Iterable[int]:
    """Yield the numbers of the streams of a Logs backend."""
    for group in backend.groups.values():
        for stream in group.streams.values():
            yield stream.events.number


def _copy_file(self: ObjectFile, _: dict[int, Any]) -> ObjectFile:
    copied: ObjectFile = place.objects.new() if place.objects else copy.copy(self)
    self.seek(0)
    copied.write(self.read())
    return copied


# -- times that moto asks the system for, and the machine's own zone


_make_dashboard = Dashboard.__init__


@wraps(Dashboard.__init__)
def _init_dashboard(self: Any, *given: Any, **named: Any) -> None:
    _make_dashboard(self, *given, **named)
    self.last_modified = moto_utils.utcnow()


def _install() -> None:
    Dashboard.__init__ = _init_dashboard
    AccountSpecificBackend.__getitem__, BackendDict.__getitem__ = _backend_in_region, _home_of_account
    BaseModel.__new__ = _untracked
    LogStream.__init__, LogStream._update, LogStream.get_log_events = _init_stream, _update_stream, _get_log_events
    s3_models.tempfile = SimpleNamespace(SpooledTemporaryFile=_temporary_file)
    s3_models.FakeKey.__getstate__, s3_models.FakeKey.__setstate__ = _key_state, _set_key_state
    s3_models.FakeKey.__del__ = _let_go
    ObjectFile.__deepcopy__ = _copy_file  # type: ignore[attr-defined]


_install()
