"""The command line: Fluent Bit's options, its exit codes, its banner.

Source: Fluent Bit 4.2.8 (`fluent-bit -h`, exit code 1 for a configuration error, 255 when a plugin does not start).
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from lab_helpers.router.config.config_text import ConfigError, Configuration, read_file
from lab_helpers.router.config.settings import build_service
from lab_helpers.router.core.log import ComponentLog, Level, Sink
from lab_helpers.router.core.options import to_decimal
from lab_helpers.router.core.service import Section
from lab_helpers.router.core.version import VERSION
from lab_helpers.router.engine.built_parts import InitError, declare
from lab_helpers.router.engine.engine import Engine
from lab_helpers.router.plugin import PluginKind

BANNER = f"""Fluent Bit v{VERSION} (compatible: the lab's own log router, not Fluent Bit)
* Behaves as Fluent Bit v{VERSION} does, as far as its documentation says
* Fluent Bit is a CNCF graduated project under the Fluent organization
* https://fluentbit.io

"""
USAGE = """Usage: fluent-bit [OPTION]

Available Options
  -c  --config=FILE           specify an optional configuration file
  -f  --flush=SECONDS         flush timeout in seconds (default: 1)
  -F  --filter=FILTER         set a filter
  -i, --input=INPUT           set an input
  -o, --output=OUTPUT         set an output
  -m, --match=MATCH           set plugin match, same as '-p match=abc'
  -p, --prop="A=B"            set plugin configuration property
  -t, --tag=TAG               set plugin tag, same as '-p tag=abc'
  -R, --parser=FILE           specify a parser configuration file
  -e, --plugin=FILE           enable an external plugin (cloudwatch.so, firehose.so, kinesis.so)
  -D, --dry-run               dry run
  -q, --quiet                 quiet mode
  -v, --verbose               increase logging verbosity (default: info)
  -l, --log_file=FILE         write log info to a file
      --ledger=FILE           keep an account of all records there, as JSON (this router's own; not in Fluent Bit)
  -V, --version               show version number
  -h, --help                  print this help

`-i NAME -h`, `-F NAME -h` and `-o NAME -h` describe a plugin's options.
"""


class MissingFileError(ConfigError):
    """The file of -c is not there."""

    last = "could not open configuration file, aborting."


class MissingParsersError(ConfigError):
    """A file of -R is not there."""

    last = "could not open parser configuration file, aborting."


class UsageError(Exception):
    """The command line cannot be read."""


@dataclass
class Arguments:
    """What the command line says."""

    config: str = ""
    flush_s: float = 1.0
    dry_run: bool = False
    level: Level = Level.INFO
    log_file: str = ""
    ledger: str = ""
    parsers: list[str] = field(default_factory=list)
    external: list[str] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)
    shows: str = ""


_FLAGS = {
    "--quiet": "-q", "--verbose": "-v", "--version": "-V", "--help": "-h", "--dry-run": "-D", "--config": "-c",
    "--flush": "-f", "--filter": "-F", "--input": "-i", "--output": "-o", "--match": "-m", "--prop": "-p",
    "--tag": "-t", "--parser": "-R", "--log_file": "-l", "--plugin": "-e",
}  # fmt: skip
_PLUGIN_FLAGS = {"-i": "input", "-F": "filter", "-o": "output"}


def main(argv: Sequence[str], environment: Mapping[str, str] = os.environ) -> int:
    """Run the router; return the exit code."""
    try:
        arguments = parse_arguments(argv)
    except UsageError as exc:
        sys.stderr.write(f"{exc}\n{USAGE}")
        return 1
    if arguments.shows:
        return _show(arguments)
    sink = Sink(arguments.level)
    if arguments.log_file:
        sink.open_file(arguments.log_file)
    return _run(arguments, environment, sink)


def parse_arguments(argv: Sequence[str]) -> Arguments:
    """Return what the arguments say. Raises UsageError."""
    arguments = Arguments()
    words = list(_separated(argv))
    while words:
        flag = words.pop(0)
        if flag in _SWITCHES:
            _SWITCHES[flag](arguments)
        elif flag in _VALUES:
            if not words:
                raise UsageError(f"fluent-bit: option requires an argument -- '{flag.lstrip('-')}'")
            _VALUES[flag](arguments, words.pop(0))
        else:
            raise UsageError(f"fluent-bit: invalid option -- '{flag.lstrip('-')}'")
    return arguments


def _separated(argv: Sequence[str]) -> list[str]:
    """Return the words with `--name=value` and `-f1` taken apart, long names made short."""
    words: list[str] = []
    for word in argv:
        name, equals, value = word.partition("=") if word.startswith("--") else (word, "", "")
        if name in _FLAGS or name in _VALUES:
            words += [_FLAGS.get(name, name), *([value] if equals else [])]
        elif word[:1] == "-" and word[:2] in _VALUES and len(word) > 2:
            words += [word[:2], word[2:]]
        elif word[:1] == "-" and len(word) > 2 and set(word[1:]) <= set("qv"):
            words += ["-" + letter for letter in word[1:]]
        else:
            words.append(word)
    return words


def _more_verbose(arguments: Arguments) -> None:
    arguments.level = Level(min(arguments.level + 1, Level.TRACE))


def _add_plugin(kind: str) -> Callable[[Arguments, str], None]:
    def add(arguments: Arguments, name: str) -> None:
        arguments.sections.append(Section(kind, [("name", name)]))

    return add


def _add_property(arguments: Arguments, text: str) -> None:
    key, equals, value = text.partition("=")
    if not equals or not arguments.sections:
        return  # left out without a word, as by the reference
    arguments.sections[-1].pairs.append((key.strip(), value.strip()))


def _set(name: str, value: object) -> Callable[[Arguments], None]:
    return lambda arguments: setattr(arguments, name, value)


def _keep(name: str) -> Callable[[Arguments, str], None]:
    return lambda arguments, text: setattr(arguments, name, text)


_SWITCHES: dict[str, Callable[[Arguments], None]] = {
    "-q": _set("level", Level.OFF),
    "-v": _more_verbose,
    "-V": _set("shows", "version"),
    "-h": _set("shows", "help"),
    "-D": _set("dry_run", True),
}
_VALUES: dict[str, Callable[[Arguments, str], None]] = {
    "-c": _keep("config"),
    "-f": lambda arguments, text: setattr(arguments, "flush_s", to_decimal(text)),
    "-l": _keep("log_file"),
    "--ledger": _keep("ledger"),
    "-R": lambda arguments, text: arguments.parsers.append(text),
    "-e": lambda arguments, text: arguments.external.append(os.path.basename(text).removesuffix(".so")),
    "-m": lambda arguments, text: _add_property(arguments, f"match={text}"),
    "-t": lambda arguments, text: _add_property(arguments, f"tag={text}"),
    "-p": _add_property,
    **{flag: _add_plugin(kind) for flag, kind in _PLUGIN_FLAGS.items()},
}


def _show(arguments: Arguments) -> int:
    if arguments.shows == "version":
        sys.stdout.write(f"Fluent Bit v{VERSION} (compatible: the lab's own log router)\n")
        return 0
    if arguments.sections:
        from lab_helpers.router.describe import describe_plugin

        text = describe_plugin(arguments.sections[-1].name, arguments.sections[-1].get("name"))
        sys.stdout.write(text or USAGE)
        return 0 if text else 1
    sys.stdout.write(USAGE)
    return 0


def _run(arguments: Arguments, environment: Mapping[str, str], sink: Sink) -> int:
    log = ComponentLog(sink)
    if arguments.level is not Level.OFF:
        sink.raw(BANNER)
    try:
        engine = _built(arguments, environment, sink, log)
    except ConfigError as exc:
        if exc.last:
            log.error(exc.last)
        return 1
    except InitError:
        return 255
    if engine is None:
        sink.raw("configuration test is successful\n")
        return 0
    return _serve(engine)


def _built(arguments: Arguments, environment: Mapping[str, str], sink: Sink, log: ComponentLog) -> Engine | None:
    """Return the engine, built and started; None for a dry run. Raises ConfigError, InitError."""
    configuration = _configuration(arguments, log)
    service = build_service(configuration, environment, sink, arguments.flush_s)
    libraries = [key for section in configuration.of_kind("plugins") for key, _ in section.pairs]
    service.external_plugins = frozenset([*arguments.external, *(each.removesuffix(".so") for each in libraries)])
    log.info(f"[fluent bit] version={VERSION}, commit=, pid={os.getpid()}")
    path = f", path={service.storage_path}" if service.storage_path else ""
    kind = "memory+filesystem" if service.storage_path else "memory"
    log.info(f"[storage] type={kind}, sync={service.storage_sync}, checksum=off, max_chunks_up="
             f"{service.storage_max_chunks_up}{path}")  # fmt: skip
    if service.storage_path and service.storage_sync.lower() not in ("normal", "full"):
        log.error("[storage] invalid synchronization mode")
        log.error("[engine] storage creation failed")
        raise InitError("storage.sync")
    if arguments.dry_run:  # sections and plugins' names only, as by the reference: nothing is built
        for part in PluginKind:
            declare(configuration, service, part)
        return None
    engine = Engine(configuration, service)
    try:
        engine.build()
        if arguments.ledger:
            engine.keep_ledger(arguments.ledger)
        catch_signals(engine)
        engine.start()
    except InitError:
        engine.close()
        raise
    return engine


def _configuration(arguments: Arguments, log: ComponentLog) -> Configuration:
    configuration = Configuration(folder=os.getcwd() + "/")
    for path in arguments.parsers:
        if not os.path.exists(path):
            raise MissingParsersError(path)
    if arguments.config and not os.path.exists(arguments.config):
        raise MissingFileError(arguments.config)
    if arguments.config.endswith((".yaml", ".yml")):
        from lab_helpers.router.config.config_yaml import read_yaml_file

        configuration = read_yaml_file(arguments.config, log)
    elif arguments.config:
        configuration = read_file(arguments.config, log)
    if arguments.parsers:
        pairs = [("parsers_file", os.path.abspath(path)) for path in arguments.parsers]
        configuration.sections.append(Section("service", list(pairs)))
    for section in arguments.sections:
        if section.name == "output" and not section.get("match") and not section.get("match_regex"):
            section.pairs.append(("match", "*"))  # an output of the command line gets everything
    configuration.sections += arguments.sections
    if not configuration.of_kind("input"):
        log.info("[engine] no input is configured: there will be nothing to do")
    return configuration


def catch_signals(engine: Engine) -> None:
    """Have SIGTERM and SIGINT drain the router, SIGHUP be answered."""

    # A handler may interrupt the writing of a log line, so it touches no buffered stream: it has the loop write.
    def on_signal(number: int, _frame: object) -> None:
        engine.loop.hand_in(lambda: _tell_signal(number))
        engine.loop.hand_in(engine.request_stop)

    def on_hangup(_number: int, _frame: object) -> None:
        engine.loop.hand_in(lambda: engine.log.warn(
            "[reload] hot reloading is not modelled by this router: it goes on as it is, start it anew"
        ))  # fmt: skip

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    signal.signal(signal.SIGHUP, on_hangup)


def _tell_signal(number: int) -> None:
    stamp = time.strftime("%Y/%m/%d %H:%M:%S")
    Sink().raw(f"[{stamp}] [engine] caught signal ({signal.Signals(number).name})\n")  # to stderr, even with Log_File


def _serve(engine: Engine) -> int:
    engine.loop.run()
    engine.close()
    sys.stdout.flush()
    return engine.exit_code
