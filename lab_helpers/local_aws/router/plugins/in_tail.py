"""Follow files: each line that is appended becomes a record.

Source: Fluent Bit 4.2.8: files that are there at the start are followed from their end unless Read_from_Head, later
ones are read from their head; `*` in the Tag is the path with `.` for `/`.
Not modelled: inotify (files are looked at four times a second), docker_mode, the old `multiline`, tag_regex, encodings,
exit_on_eof; they are refused or accepted as the options say.
"""

from __future__ import annotations

import fnmatch
import glob
import os
import re
import time
from typing import Any

from lab_helpers.local_aws.router.log import ComponentLog
from lab_helpers.local_aws.router.loop import Timer
from lab_helpers.local_aws.router.options import Kind, Option, Options, to_decimal
from lab_helpers.local_aws.router.parser import NoMatchError, Parser, ParserError, build_parser
from lab_helpers.local_aws.router.plugin import InputContext, Plugin, PluginInitError, PluginKind
from lab_helpers.local_aws.router.record import Batch, Record
from lab_helpers.local_aws.router.tail_file import Line, LineRules, TailFile, TooLongLineError
from lab_helpers.local_aws.router.tail_multiline import TailMultiline
from lab_helpers.local_aws.router.tail_offsets import Offsets

POLL_S = 0.25
UNSUPPORTED = ("docker_mode", "multiline", "tag_regex", "unicode.encoding", "generic.encoding", "truncate_long_lines")


class Tail:
    """The input: the files it follows, and its timers."""

    def __init__(self, options: Options, context: InputContext) -> None:
        self._context, self._options = context, options
        for key in UNSUPPORTED:
            if options[key]:
                raise PluginInitError(f"this router's tail input has no '{key}': take it out")
        if not options["path"]:
            raise PluginInitError("no input 'path' was given")
        self._refresh_s = to_decimal(options["refresh_interval"])
        if self._refresh_s <= 0:
            raise PluginInitError(f"invalid 'refresh_interval' config value ({options['refresh_interval']})")
        if options["buffer_max_size"] < options["buffer_chunk_size"]:
            raise PluginInitError("buffer_max_size must be >= buffer_chunk")
        self._rules = LineRules(options["buffer_max_size"], options["skip_long_lines"], options["skip_empty_lines"])
        self._parser = _parser(options["parser"], context)
        names = [name for names in options["multiline.parser"] for name in names]
        self._multiline = TailMultiline(names, context, options["key"], self._ingest) if names else None
        self._files: dict[str, TailFile] = {}
        self._rotated: list[TailFile] = []
        self._failed: set[int] = set()
        self._offsets: Offsets | None = None
        self._timers: list[Timer] = []
        self._is_paused = False

    def start(self) -> None:
        """Open the files that are there. Raises PluginInitError where the database cannot be opened."""
        if self._options["db"]:
            try:
                self._offsets = Offsets(self._options["db"])
            except OSError as exc:
                raise PluginInitError(str(exc), "could not open/create database") from exc
        self._scan(from_head=self._options["read_from_head"])
        loop = self._context.loop
        self._timers = [loop.call_every(POLL_S, self._poll), loop.call_every(self._refresh_s, self._rescan)]
        loop.call_after(0, self._poll)

    def pause(self) -> None:
        """Read nothing."""
        self._is_paused = True

    def resume(self) -> None:
        """Read again."""
        self._is_paused = False

    def stop(self) -> None:
        """Keep the offsets and close everything."""
        self._is_paused = True
        for timer in self._timers:
            timer.cancel()
        if self._multiline is not None:
            self._multiline.stop()
        for file in [*self._files.values(), *self._rotated]:
            file.close()
        self._files, self._rotated = {}, []
        if self._offsets is not None:
            self._offsets.close()
            self._offsets = None

    def _rescan(self) -> None:
        self._scan(from_head=self._options["read_newly_discovered_files_from_head"])

    def _scan(self, *, from_head: bool) -> None:
        excluded = self._options["exclude_path"] or []
        for pattern in self._options["path"]:
            for path in sorted(glob.glob(pattern)):
                if any(fnmatch.fnmatch(path, one) for one in excluded) or path in self._files:
                    continue
                self._open(path, from_head=from_head)

    def _open(self, path: str, *, from_head: bool) -> None:
        try:
            if not os.path.isfile(path) or self._is_too_old(path):
                return
            file = TailFile(path, self._rules)
        except OSError:
            self._context.log.error(f"cannot open {path}")
            return
        if file.inode in self._failed:
            file.close()
            return
        known = self._known_offset(file)
        file.seek(known if known is not None else 0 if from_head else file.size())
        self._files[path] = file

    def _is_too_old(self, path: str) -> bool:
        limit_s = self._options["ignore_older"]
        return bool(limit_s) and time.time() - os.stat(path).st_mtime > limit_s

    def _known_offset(self, file: TailFile) -> int | None:
        if self._offsets is None:
            return None
        return self._offsets.get(file.path, file.inode, by_name=self._options["db.compare_filename"])

    def _poll(self) -> None:
        for file in [*self._files.values(), *self._rotated]:
            if not self._is_paused:
                self._read(file)
                self._follow_rotation(file)

    def _read(self, file: TailFile) -> None:
        try:
            lines = file.read_lines()
        except TooLongLineError:
            self._context.log.error(
                f"file={file.path} requires a larger buffer size, lines are too long. Skipping file."
            )
            self._drop(file)
            self._failed.add(file.inode)
            return
        except OSError:
            self._context.log.error(f"error reading {file.path}")
            self._drop(file)
            return
        if lines:
            self._take(file, lines)
            if self._offsets is not None:
                self._offsets.put(file.path, file.inode, file.offset)
            self._context.loop.call_after(0, self._poll)  # there may be more

    def _take(self, file: TailFile, lines: list[Line]) -> None:
        tag = self._tag(file.path)
        if self._multiline is not None:
            for line in lines:
                self._multiline.append(tag, file, line)
            self._multiline.hand_over()
            return
        now_ns = time.time_ns()
        self._ingest(tag, [self._record(file, line, now_ns) for line in lines])

    def _record(self, file: TailFile, line: Line, now_ns: int) -> Record:
        record = self._parsed(line.text, now_ns)
        body = {**self._extra(file, line), **record.body}
        return Record(record.time_ns, body)

    def _extra(self, file: TailFile, line: Line) -> dict[Any, Any]:
        extra: dict[Any, Any] = {}
        if self._options["path_key"]:
            extra[self._options["path_key"]] = file.path
        if self._options["offset_key"]:
            extra[self._options["offset_key"]] = line.offset
        return extra

    def _parsed(self, text: str, now_ns: int) -> Record:
        if self._parser is not None:
            try:
                parsed = self._parser.parse(text)
                return Record(now_ns if parsed.time_ns is None else parsed.time_ns, parsed.body)
            except NoMatchError:
                pass  # the line goes on as text
        return Record(now_ns, {self._options["key"]: text})

    def _ingest(self, tag: str, records: list[Record]) -> None:
        if records and not self._context.ingest(tag, Batch(records=records)):
            self._is_paused = True

    def _follow_rotation(self, file: TailFile) -> None:
        now_s = self._context.loop.clock()
        if file.rotated_s is not None:
            if now_s - file.rotated_s > self._options["rotate_wait"]:
                self._drop(file)
        elif file.path in self._files and file.is_replaced():
            del self._files[file.path]
            file.rotated_s = now_s
            self._rotated.append(file)
            self._open(file.path, from_head=True)

    def _drop(self, file: TailFile) -> None:
        file.close()
        if self._files.get(file.path) is file:
            del self._files[file.path]
        if file in self._rotated:
            self._rotated.remove(file)
            if self._offsets is not None:
                self._offsets.forget(file.inode)

    def _tag(self, path: str) -> str:
        tag = self._context.tag
        return expand_tag(tag, path) if "*" in tag else tag


def expand_tag(tag: str, path: str) -> str:
    """Return the tag with the path in the place of its `*`: `app.*` and `/var/x.log` give `app.var.x.log`."""
    dotted = re.sub(r"[/\\:]", ".", tag.replace("*", path, 1))
    return re.sub(r"\.{2,}", ".", dotted.replace("*", "")).strip(".")


def _parser(name: str | None, context: InputContext) -> Parser | None:
    if not name:
        return None
    if name not in context.service.parsers:
        context.log.error(f"parser '{name}' is not registered")
        return None
    try:
        return build_parser(context.service.parsers[name], ComponentLog(context.service.sink))
    except ParserError as exc:
        raise PluginInitError(*exc.lines) from exc


PLUGIN = Plugin(
    PluginKind.INPUT,
    "tail",
    "Follow files: each line that is appended becomes a record.",
    Tail,
    (
        Option("path", Kind.COMMA_LIST, "Files, with * and ?."),
        Option("exclude_path", Kind.COMMA_LIST, "Files to leave out, with * and ?."),
        Option("key", help="Key of the line.", default="log"),
        Option("read_from_head", Kind.FLAG, "Read what is in the files at the start.", default="false"),
        Option("read_newly_discovered_files_from_head", Kind.FLAG, "The same for later files.", default="true"),
        Option("refresh_interval", help="Seconds between two looks for new files.", default="60"),
        Option("watcher_interval", Kind.SECONDS, "Accepted.", default="2s"),
        Option("progress_check_interval", Kind.SECONDS, "Accepted.", default="2s"),
        Option("progress_check_interval_nsec", Kind.INTEGER, "Accepted.", default="0"),
        Option("rotate_wait", Kind.SECONDS, "Seconds that a rotated file is still read.", default="5"),
        Option("docker_mode", Kind.FLAG, "Refused when on: use the multiline filter.", default="false"),
        Option("docker_mode_flush", Kind.INTEGER, "Accepted.", default="4"),
        Option("docker_mode_parser", help="Accepted."),
        Option("path_key", help="Key that gets the file's path."),
        Option("offset_key", help="Key that gets the line's offset."),
        Option("ignore_older", Kind.SECONDS, "Leave files out that have not changed for so long.", default="0"),
        Option("ignore_active_older_files", Kind.FLAG, "Accepted.", default="false"),
        Option("buffer_chunk_size", Kind.SIZE, "Accepted.", default="32768"),
        Option("buffer_max_size", Kind.SIZE, "Longest line in bytes.", default="32768"),
        Option("static_batch_size", Kind.SIZE, "Accepted.", default="50M"),
        Option("event_batch_size", Kind.SIZE, "Accepted.", default="50M"),
        Option("skip_long_lines", Kind.FLAG, "Skip lines that are too long, not the file.", default="false"),
        Option("exit_on_eof", Kind.FLAG, "Accepted, without effect.", default="false"),
        Option("skip_empty_lines", Kind.FLAG, "Skip empty lines.", default="false"),
        Option("truncate_long_lines", Kind.FLAG, "Refused when on: not supported here.", default="false"),
        Option("file_cache_advise", Kind.FLAG, "Accepted.", default="true"),
        Option("inotify_watcher", Kind.FLAG, "Accepted: files are looked at four times a second.", default="true"),
        Option("parser", help="Parser of each line."),
        Option("tag_regex", help="Refused: not supported here."),
        Option("db", help="Database that keeps the offsets over restarts."),
        Option("db.sync", help="Accepted.", default="normal"),
        Option("db.locking", Kind.FLAG, "Accepted.", default="false"),
        Option("db.journal_mode", help="Accepted.", default="WAL"),
        Option("db.compare_filename", Kind.FLAG, "Compare the file's name as well as its inode.", default="false"),
        Option("multiline", Kind.FLAG, "Refused when on: use multiline.parser.", default="false"),
        Option("multiline_flush", Kind.SECONDS, "Accepted.", default="4"),
        Option("parser_firstline", help="Accepted."),
        Option("parser_", Kind.PREFIX, "Accepted."),
        Option("multiline.parser", Kind.COMMA_LIST, "Names of multiline parsers, tried in order.", multiple=True),
        Option("unicode.encoding", help="Refused: not supported here."),
        Option("generic.encoding", help="Refused: not supported here."),
    ),
    core=("tag", "mem_buf_limit"),
)
