"""Follow files: each line that is appended becomes a record.

Source: Fluent Bit 4.2.8: files that are there at the start are followed from their end unless Read_from_Head, later
ones are read from their head; `*` in the Tag is the path with `.` for `/`.
Not modelled: inotify (files are looked at four times a second), docker_mode, the old `multiline`, encodings; they are
refused or accepted as the options say.
"""

from __future__ import annotations

import re
import time
from typing import Any

from lab_helpers.router.core.loop import Timer
from lab_helpers.router.core.options import Kind, Option, Options, to_decimal
from lab_helpers.router.core.regexp import Pattern, compile_pattern
from lab_helpers.router.parsing.named_parser import named_parser
from lab_helpers.router.parsing.parser import NoMatchError, Parser
from lab_helpers.router.plugin import Input, InputContext, InputPlugin, PluginInitError
from lab_helpers.router.records.batch import Batch
from lab_helpers.router.records.record import Record
from lab_helpers.router.tail.tail_file import Line, LineRules, TailFile
from lab_helpers.router.tail.tail_files import Selection, TailFiles
from lab_helpers.router.tail.tail_multiline import TailMultiline
from lab_helpers.router.tail.tail_offsets import Offsets

POLL_S = 0.25
UNSUPPORTED = ("docker_mode", "multiline", "unicode.encoding", "generic.encoding")


class Tail(Input):
    """The input: the files it follows, and its timers."""

    def __init__(self, options: Options, context: InputContext) -> None:
        self._context, self._options = context, options
        self._refresh_s = _refresh_s(options)
        self._selection = _selection(options)
        self._parser = _parser(options["parser"], context)
        names = [name for names in options["multiline.parser"] for name in names]
        self._multiline = TailMultiline(names, context, options["key"], self._ingest) if names else None
        self._tag_regex = _tag_regex(options["tag_regex"])
        self._files: TailFiles | None = None
        self._timers: list[Timer] = []
        self._is_paused = False

    def start(self) -> None:
        """Open the files that are there. Raises PluginInitError where the database cannot be opened."""
        loop = self._context.loop
        try:
            offsets = Offsets(self._options["db"]) if self._options["db"] else None
        except OSError as exc:
            raise PluginInitError(str(exc), "could not open/create database") from exc
        self._files = TailFiles(self._selection, self._context.log, loop.clock, offsets)
        self._files.scan(from_head=self._options["read_from_head"])
        self._timers = [loop.call_every(POLL_S, self._poll), loop.call_every(self._refresh_s, self._rescan)]
        loop.call_after(0, self._poll)

    def pause(self) -> None:
        """Read nothing."""
        self._is_paused = True

    def resume(self) -> None:
        """Read again."""
        self._is_paused = False

    def stop(self) -> None:
        """Hand over what is half joined, and close everything."""
        self._is_paused = True
        for timer in self._timers:
            timer.cancel()
        if self._multiline is not None:
            self._multiline.stop()
        if self._files is not None:
            self._files.close()
            self._files = None

    def _rescan(self) -> None:
        if self._files is not None:
            self._files.scan(from_head=self._options["read_newly_discovered_files_from_head"])

    def _poll(self) -> None:
        for file in self._files.all() if self._files is not None else ():
            if self._is_paused or self._files is None:
                return
            lines = self._files.read(file)
            if lines:
                self._take(file, lines)
                self._files.keep_offset(file)
                self._context.loop.call_after(0, self._poll)  # there may be more
            elif self._options["exit_on_eof"]:
                self._end(file)
                return
            self._files.follow_rotation(file)

    def _end(self, file: TailFile) -> None:
        """Stop the router: the first file has been read to its end."""
        self._context.log.info(f"inode={file.inode} file={file.path} ended, stop")
        self._is_paused = True
        self._context.exit(0)

    def _take(self, file: TailFile, lines: list[Line]) -> None:
        tag = self._tag(file.path)
        if self._multiline is None:
            now_ns = time.time_ns()
            self._ingest(tag, [self._record(file, line, now_ns) for line in lines])
            return
        for line in lines:
            self._multiline.append(tag, file, line)
        self._multiline.hand_over()

    def _record(self, file: TailFile, line: Line, now_ns: int) -> Record:
        record = self._parsed(line.text, now_ns)
        return Record(record.time_ns, {**self._extra(file, line), **record.body})

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

    def _tag(self, path: str) -> str:
        tag = self._context.tag
        if self._tag_regex is not None:
            return regex_tag(tag, self._tag_regex, path)
        return expand_tag(tag, path) if "*" in tag else tag


def expand_tag(tag: str, path: str) -> str:
    """Return the tag with the path in the place of its `*`: `app.*` and `/var/x.log` give `app.var.x.log`."""
    dotted = re.sub(r"[/\\:]", ".", tag.replace("*", path, 1))
    return re.sub(r"\.{2,}", ".", dotted.replace("*", "")).strip(".")


def regex_tag(tag: str, pattern: Pattern, path: str) -> str:
    """Return the tag with each `<name>` filled from the pattern's group of that name in the path."""
    found = pattern.search(path)
    groups = found.groupdict() if found else {}
    return expand_tag(re.sub(r"<(\w+)>", lambda part: groups.get(part.group(1)) or part.group(0), tag), path)


def _refresh_s(options: Options) -> float:
    seconds = to_decimal(options["refresh_interval"])
    if seconds <= 0:
        raise PluginInitError(f"invalid 'refresh_interval' config value ({options['refresh_interval']})")
    return seconds


def _selection(options: Options) -> Selection:
    if options["multiline"] and not options["parser_firstline"]:
        raise PluginInitError("multiline: no parser defined for firstline")
    for key in UNSUPPORTED:
        if options[key]:
            raise PluginInitError(f"this router's tail input has no '{key}': take it out")
    if not options["path"]:
        raise PluginInitError("no input 'path' was given")
    if options["buffer_max_size"] < options["buffer_chunk_size"]:
        raise PluginInitError("buffer_max_size must be >= buffer_chunk")
    return Selection(
        paths=tuple(options["path"]),
        excluded=tuple(options["exclude_path"] or ()),
        rules=LineRules(
            options["buffer_max_size"],
            options["skip_long_lines"],
            options["skip_empty_lines"],
            options["truncate_long_lines"],
        ),
        ignore_older_s=options["ignore_older"],
        rotate_wait_s=options["rotate_wait"],
        compares_names=options["db.compare_filename"],
    )


def _tag_regex(text: str | None) -> Pattern | None:
    try:
        return compile_pattern(text) if text else None
    except re.error as exc:
        raise PluginInitError("invalid 'tag_regex' config value") from exc


def _parser(name: str | None, context: InputContext) -> Parser | None:
    if not name:
        return None
    parser = named_parser(name, context.service)
    if parser is None:
        context.log.error(f"parser '{name}' is not registered")
    return parser


PLUGIN = InputPlugin(
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
        Option("exit_on_eof", Kind.FLAG, "End the router when a file has been read.", default="false"),
        Option("skip_empty_lines", Kind.FLAG, "Skip empty lines.", default="false"),
        Option("truncate_long_lines", Kind.FLAG, "Cut lines that are too long.", default="false"),
        Option("file_cache_advise", Kind.FLAG, "Accepted.", default="true"),
        Option("inotify_watcher", Kind.FLAG, "Accepted: files are looked at four times a second.", default="true"),
        Option("parser", help="Parser of each line."),
        Option("tag_regex", help="Its named groups fill <name> in the Tag."),
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
    config_error="",
)
