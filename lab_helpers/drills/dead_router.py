"""Drills about the router's memory: an input without a limit, and the limit that FireLens sets.

In both the destination refuses for a while (the task role may not put events), and takes everything afterwards.
"""

from __future__ import annotations

import contextlib
import socket
import time

from lab_helpers.base.clients import aws_errors
from lab_helpers.base.errors import WaitTimeoutError
from lab_helpers.base.lazy import pd
from lab_helpers.base.messages import say
from lab_helpers.base.wait import wait_until
from lab_helpers.drills.case import CONF, CONTAINERS, Files, members
from lab_helpers.drills.drill import BROKEN, FIXED, Story, TaskDrill
from lab_helpers.drills.looks import logged
from lab_helpers.drills.lost_or_double import tally
from lab_helpers.drills.rights import logs_without, make_role
from lab_helpers.drills.scripts import big_lines, section, to_cloudwatch
from lab_helpers.drills.stage import APP, POLL_S, ROUTER, TASK_TIMEOUT_S, OnTick, Setup
from lab_helpers.lab import Lab

BASH_IMAGE = "public.ecr.aws/docker/library/bash:5"
EVENTS_PORT = 5170
EVENTS, EVENT_CHARS = 5_000, 15_000
"""75 MB in half a second: more than the router's hard limit."""
HARD_LIMIT_MIB = 100
"""Between what the router needs with its buffer on the disk (60 to 80 MiB at its second try) and without (over 130)."""
LINES, LINE_CHARS = 3_000, 15_000
"""45 MB: more than the 25 MB that FireLens lets an input hold, less than the fixed router's 100 MB."""
RESERVED_MIB = 200
"""The reservation of mended/input_paused/containers.json."""
OVER = "burst-is-over"
CHUNK_MB = 2
LOOK_S = 1.0
STILL_S = 15.0
"""A router with its buffer on the disk tries what it has in memory (storage.max_chunks_up), not yet the rest: when it
has named no new chunk for so long, several tries apart, it has named all that it will."""
WAITING = r"failed to flush chunk '([^']+)'"
PAUSED = "paused (mem buf overlimit"
RETRIES = "Retry_Limit no_limits"
PATIENT = ("scheduler.base 3", "scheduler.cap 3", "Grace 30")


class _Outage(TaskDrill):
    """A task whose role may not put events, until the outage is over.

    What arrived is read once a take, when its task has stopped: it is tens of megabytes, and does not change any more.
    """

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab)
        self._arrived: dict[str, pd.Series] = {}

    def undo(self) -> None:
        super().undo()
        self._arrived.clear()

    def _role_in_outage(self) -> str:
        """Begin the outage, and return the role's ARN."""
        return make_role(self.stage, "task", logs_without("logs:PutLogEvents"))

    def _end_outage(self) -> None:
        make_role(self.stage, "task", logs_without())

    def _live_through(self, take: str, lines: int, characters: int, on_tick: OnTick) -> None:
        """Let the outage last until the router holds nearly all, end it, wait for the last line, stop the task.

        A router that ends, or that pauses its input, ends the outage sooner.
        """
        self._wait_until_held(take, lines * characters // 10**6 - 3 * CHUNK_MB, on_tick)
        self._end_outage()
        if not self.stage.has_ended(self.task_arn(take)):
            with contextlib.suppress(WaitTimeoutError):
                self._wait_for_end_of_burst(take, lines, on_tick)
        self._stop(take, on_tick)

    def _wait_until_held(self, take: str, megabytes: int, on_tick: OnTick) -> None:
        """Wait until so much waits in the router for another try, or until it will not hold or name more."""
        arn, growth = self.task_arn(take), _Growth()
        wait_until(
            lambda: self._held_mb(arn),
            TASK_TIMEOUT_S,
            POLL_S,
            say("{megabytes} MB in the router's buffer", megabytes=megabytes),
            done=lambda held: (
                held >= megabytes or self._holds_no_more(arn) or (take == FIXED and growth.has_ended(held))
            ),
            describe=lambda held: say("about {held} MB wait in the router", held=held),
            on_tick=on_tick,
        )

    def _holds_no_more(self, arn: str) -> bool:
        return bool(self._messages(arn).str.contains(PAUSED, regex=False).any()) or self.stage.has_ended(arn)

    def _held_mb(self, arn: str) -> int:
        chunks = self._messages(arn).str.extract(WAITING, expand=False).dropna()
        return int(chunks.nunique()) * CHUNK_MB

    def _messages(self, arn: str) -> pd.Series:
        """Return the messages of the router's own log."""
        return self.stage.router_log(arn)["message"]

    def _stop(self, take: str, on_tick: OnTick) -> None:
        """Stop a take's task; its router sends what it holds before it ends."""
        self.stage.stop(self.task_arn(take))
        self.stage.wait_for(self.task_arn(take), "STOPPED", on_tick)
        self._arrived.pop(take, None)

    def _end_of_burst(self, last: int) -> str:
        """Return what is in the line that tells that the app has printed all: the burst's last one."""
        return f"{last} {'0' * 9}"

    def _wait_for_end_of_burst(self, take: str, last: int, on_tick: OnTick) -> None:
        """Wait until all `last` lines of the burst are printed: what the app has not printed when its task is stopped
        is not lost.
        """
        wait_until(
            lambda: self._is_there(take, self._end_of_burst(last)),
            TASK_TIMEOUT_S,
            LOOK_S,
            say("the burst's last line in CloudWatch Logs"),
            describe=lambda there: say(
                "the newest line is {newest} of {total:,}", newest=f"{last:,}" if there else "…", total=last
            ),
            on_tick=on_tick,
        )

    def _is_there(self, take: str, text: str) -> bool:
        """Tell whether an event has this text in it; only such an event is sent here."""
        with aws_errors("FilterLogEvents"):
            pages = (
                self.lab.client("logs")
                .get_paginator("filter_log_events")
                .paginate(logGroupName=self.stage.log_group(take), filterPattern=f'"{text}"')
            )
            return any(page["events"] for page in pages)

    def _numbers(self, take: str) -> pd.Series:
        """Return the numbers of the lines that arrived."""
        if take not in self._arrived:
            found = logged(self.stage.events(take)).str.extract(r"^(\d+) ", expand=False)
            self._arrived[take] = found.dropna().astype(int)
        return self._arrived[take]


class _Growth:
    """Whether a number that grew has stood still for STILL_S."""

    def __init__(self) -> None:
        self._last, self._since = 0, time.monotonic()

    def has_ended(self, number: int) -> bool:
        """Look at the number again."""
        if number != self._last:
            self._last, self._since = number, time.monotonic()
        return number > 0 and time.monotonic() - self._since >= STILL_S


class RouterOutOfMemory(_Outage):
    """An input of one's own that takes whatever comes, while the destination takes nothing."""

    name = "router_out_of_memory"
    story = Story(
        title="the router runs out of memory",
        symptom="Tasks stop by themselves, always some minutes into an outage of the destination. The app is healthy.",
        where_to_look="DescribeTasks, container by container: exit code 137 and the reason OutOfMemoryError, at the "
        "router. In its log: retries, and not one overlimit warning.",
        cause="FireLens limits its own socket input (Mem_Buf_Limit: half of the router's memory). An input that you "
        "add has no limit, and Retry_Limit no_limits keeps all of it in memory while nothing can be sent.",
        fix="For your own inputs storage.type filesystem, with storage.path and storage.max_chunks_up in [SERVICE]: "
        "what waits, waits on the disk. Or a Mem_Buf_Limit: then the sender has to wait.",
        proof="The same outage, the same 100 MiB: the router lives, and afterwards every event arrives.",
        source="aws-for-fluent-bit #382, #378, containers-roadmap #964",
        right="c",
        reasons={
            "a": "The app ended with 143, SIGTERM: ECS ended it because the router was gone.",
            "b": "Nobody stopped the task: its stop code is EssentialContainerExited.",
            "c": "OutOfMemoryError at the router: an input of your own has no Mem_Buf_Limit, and all "
            "that cannot be sent stays in memory.",
        },
    )

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab)
        self._port = EVENTS_PORT

    def setup(self, files: Files) -> Setup:
        port = {"name": "EVENTS_PORT", "value": str(self._port)}
        app = {"image": BASH_IMAGE, "command": ["bash", "-c", _SEND], "environment": [port]}
        variables, role = {"EVENTS_PORT": str(self._port)}, self._role_in_outage()
        router = {"memory": HARD_LIMIT_MIB}
        return Setup("", files[CONF], app=app, router=router, variables=variables, task_role=role)

    def is_mended(self, seen: pd.DataFrame) -> bool:
        told = dict(zip(seen["what"], seen["value"], strict=True))
        return bool(told["exit code of log_router"] == 0 and told["in CloudWatch Logs"] == EVENTS)

    def inject(self, on_tick: OnTick = None) -> None:
        self._choose_port()
        super().inject(on_tick)

    def _mend(self, files: Files, on_tick: OnTick) -> None:
        self._choose_port()
        self._play(FIXED, files, on_tick, until="RUNNING")
        self._live_through(FIXED, EVENTS, EVENT_CHARS, on_tick)

    def _choose_port(self) -> None:
        self._port = _free_port() if self.lab.settings.can.runs_tasks_here else EVENTS_PORT

    def view(self, take: str) -> pd.DataFrame:
        task, found = (
            self.task(take),
            {"events sent by the app": EVENTS, "in CloudWatch Logs": len(self._numbers(take))},
        )
        codes = {f"exit code of {each['name']}": each.get("exitCode", "none") for each in task["containers"]}
        told = {"task": task["lastStatus"], "stop code": task.get("stopCode", ""), **codes, **found}
        return pd.DataFrame({"what": list(told), "value": list(told.values())})

    def evidence(self) -> pd.DataFrame:
        arn = self.task_arn(BROKEN)
        router = next(each for each in self.task(BROKEN)["containers"] if each["name"] == ROUTER)
        messages = self._messages(arn)
        told = {
            f"reason of {ROUTER}": router.get("reason", ""),
            "its hard limit, MiB": router.get("memory", "none"),
            "Mem_Buf_Limit of the input on port 5170": "none",
            "overlimit warnings in its log": int(messages.str.contains(PAUSED, regex=False).sum()),
        }
        return pd.DataFrame({"what": list(told), "value": list(told.values())})


_SEND = (
    "trap '' PIPE; until { exec 3<>/dev/tcp/127.0.0.1/$EVENTS_PORT; } 2>/dev/null; do sleep 0.2; done; "
    f"pad=$(printf '%0{EVENT_CHARS}d' 0); "
    f'for ((i = 1; i <= {EVENTS}; i++)); do echo "$i $pad" >&3 || break; done; exec sleep 600'
)
"""The app: it connects as soon as the router listens, sends numbered events, and runs on."""


class InputPaused(_Outage):
    """A burst larger than the buffer limit of FireLens' input, while the destination takes nothing."""

    name = "input_paused"
    mendable = (CONTAINERS,)
    story = Story(
        title="a burst over the buffer limit",
        symptom="After a short outage some lines are missing, although the router tried again until it could send.",
        where_to_look="The router's own log: `paused (mem buf overlimit`, later `resume`; no chunk was given up. And "
        "the numbers of the lines: what is lost are gaps, one where it paused.",
        cause="FireLens gives its input half of the router's memoryReservation: 25 MB of 50 MiB. When it is full, "
        "Fluent Bit 4 closes the connection. The log driver keeps its lines and comes again, but what was already on "
        "the way is gone: nobody acknowledges.",
        fix=f"A memoryReservation for the longest outage: {RESERVED_MIB} MiB make 100 MB. Beyond that the driver's own "
        "buffer takes over (1,048,576 lines).",
        proof="The same burst in the same outage: no pause, and every line arrives.",
        source="aws-for-fluent-bit debugging guide, Overlimit warnings",
        right="c",
        reasons={
            "a": "The log driver's buffer holds 1,048,576 lines, and the burst has 3,000.",
            "b": "The router's log does not say `cannot be retried`: it gave no chunk up.",
            "c": "Half of the reservation was full, the input paused and closed the connection. What "
            "was on the way is lost.",
        },
    )
    script = big_lines(LINES, LINE_CHARS, 0) + f"; n=0; while [ $n -lt 300 ]; do sleep 2; echo {OVER}; n=$((n+1)); done"

    def _end_of_burst(self, last: int) -> str:  # noqa: ARG002  (of others it is the last line)
        """Return what is printed again and again behind the burst: its last line may be one that is lost."""
        return OVER

    def setup(self, files: Files) -> Setup:
        conf, role = section("SERVICE", *PATIENT) + to_cloudwatch(more=RETRIES), self._role_in_outage()
        return Setup(self.script, conf, task_role=role, app=members(files, APP), router=members(files, ROUTER))

    def is_mended(self, seen: pd.DataFrame) -> bool:
        return seen["lines"].tolist() == [LINES, LINES, LINES, 0, 0]

    def inject(self, on_tick: OnTick = None) -> None:
        self._begin_anew()
        self._play(BROKEN, self.broken_files(), on_tick, until="RUNNING")
        self._wait_until_paused(on_tick)
        self._end_outage()
        self._wait_for_end_of_burst(BROKEN, LINES, on_tick)
        self._stop(BROKEN, on_tick)

    def _mend(self, files: Files, on_tick: OnTick) -> None:
        self._play(FIXED, files, on_tick, until="RUNNING")
        self._live_through(FIXED, LINES, LINE_CHARS, on_tick)

    def view(self, take: str) -> pd.DataFrame:
        return tally(LINES, self._numbers(take))

    def evidence(self) -> pd.DataFrame:
        messages = self._messages(self.task_arn(BROKEN))
        gaps = self._numbers(BROKEN).drop_duplicates().sort_values().diff().gt(1).sum()
        told = {
            "paused (mem buf overlimit)": int(messages.str.contains(PAUSED, regex=False).sum()),
            "chunks given up": int(messages.str.contains("cannot be retried").sum()),
            "gaps between the numbers": int(gaps),
        }
        return pd.DataFrame({"what": list(told), "count": list(told.values())})

    def _wait_until_paused(self, on_tick: OnTick) -> None:
        arn = self.task_arn(BROKEN)
        wait_until(
            lambda: self._messages(arn).str.contains(PAUSED, regex=False).any(),
            TASK_TIMEOUT_S,
            POLL_S,
            say("the router's input to be paused"),
            describe=lambda paused: say("the input is paused") if paused else say("the input still takes lines"),
            on_tick=on_tick,
        )


def _free_port() -> int:
    """Return a port that nobody listens on: tasks of the local AWS share this machine's loopback."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
