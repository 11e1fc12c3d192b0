"""What is kept of moto, and in which order locks are taken for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto.logs.models import logs_backends

from lab_helpers.local_aws.state import moto_hooks
from lab_helpers.local_aws.state.changes import Change
from lab_helpers.local_aws.state.moto_state import MotoState
from lab_helpers.local_aws.state.store import StateStore

ACCOUNT = "123456789012"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StateStore]:
    """An empty store."""
    one = StateStore(tmp_path / "state.db", "1")
    yield one
    one.close()


@pytest.fixture
def moto(store: StateStore, tmp_path: Path) -> Iterator[MotoState]:
    """moto, kept there."""
    one = MotoState(store, tmp_path / "objects")
    one.begin()
    yield one
    one.end()


@pytest.mark.parametrize("change", [Change("PutLogEvents", "logs"), Change("CreateLogGroup", "logs"), None])
def test_a_backend_may_be_made_while_another_is_kept(moto: MotoState, change: Change | None) -> None:
    """Each needs moto's lock and the store's; taken in two orders, the server stood still for ever.

    Here the maker stops between its two locks until the keeper has come to its first.
    """
    restore, keeping = moto_hooks.place.restore, threading.Event()
    making, made = threading.Event(), threading.Event()

    def slowly(key: moto_hooks.Key, backend: object) -> None:
        if key[2] == "eu-west-1":
            making.set()
            assert keeping.wait(30)
        restore(key, backend)

    moto_hooks.place.restore = slowly
    moto_hooks.forget_touched()
    logs_backends[ACCOUNT]["us-east-1"].create_log_group("/before", {})
    moto.settle(Change("CreateLogGroup", "logs"))
    maker = threading.Thread(target=lambda: (logs_backends[ACCOUNT]["eu-west-1"], made.set()), daemon=True)
    maker.start()
    assert making.wait(30)

    def keep() -> None:
        moto_hooks.forget_touched()
        assert logs_backends[ACCOUNT]["us-east-1"].groups  # found without waiting for the maker
        keeping.set()
        moto.settle(change)
        moto.keep_later()

    keeper = threading.Thread(target=keep, daemon=True)
    keeper.start()
    assert made.wait(30)
    keeper.join(30)
    assert not keeper.is_alive()


def test_the_store_is_taken_after_motos_lock(
    moto: MotoState, store: StateStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So a backend that does not exist any more, or yet, may be made while another is written."""
    held, change = list[bool](), store.change

    def watched() -> object:
        held.append(moto_hooks.MAKING._is_owned())
        return change()

    monkeypatch.setattr(store, "change", watched)
    logs_backends[ACCOUNT]["us-east-1"].create_log_group("/one", {})
    moto.settle(Change("CreateLogGroup", "logs"))
    assert held[0]
    held.clear()
    moto_hooks.forget_touched()
    moto.keep_later()
    assert held == [True]
