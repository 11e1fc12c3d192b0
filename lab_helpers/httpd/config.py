"""httpd.conf -> what the built-in server does for a request; refusals in Apache's words.

Source: Apache HTTP Server 2.4, its configuration files, core, mod_log_config, mod_setenvif, mod_rewrite, mod_ratelimit.
Read and obeyed: DocumentRoot, DirectoryIndex, LogFormat, CustomLog (with env=), SetEnvIf, SetEnvIfNoCase, SetEnvIfExpr
(a variable `=~ /…/`), SetEnv, SetOutputFilter RATE_LIMIT in Location, RewriteEngine, RewriteCond, RewriteRule with
`[R=status]`. Other directives that Apache knows are read and do nothing here.
Not modelled: If, VirtualHost, Include, .htaccess, environment variables in the file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from lab_helpers.httpd.log_format import COMBINED, COMMON, FormatError, Served, Write, compile_format

STDOUT = ("/proc/self/fd/1", "/dev/stdout")
_IGNORED_WORDS = """
acceptfilter accesscontrol addcharset adddefaultcharset addencoding addhandler addlanguage addoutputfilter addtype
allowoverride authname authtype browsermatch bufferedlogs contentdigest coredumpdirectory defaulttype directoryslash
enablemmap enablesendfile errordocument errorlog errorlogformat expiresactive expiresbytype expiresdefault
extendedstatus fileetag group header hostnamelookups indexoptions keepalive keepalivetimeout languagepriority
limitrequestbody limitrequestfields limitrequestfieldsize limitrequestline listen loadmodule loglevel
maxconnectionsperchild maxkeepaliverequests maxrequestsperchild maxrequestworkers maxsparethreads mimemagicfile
minsparethreads mutex options passenv pidfile remoteipheader remoteipinternalproxy remoteiptrustedproxy require
requestheader requestreadtimeout serveradmin serverlimit servername serverroot serversignature servertokens
setenvifdefault setinputfilter startservers threadlimit threadsperchild threadstacksize timeout traceenable
typesconfig unsetenv usecanonicalname user asyncrequestworkerfactor remoteipproxyprotocol order allow deny satisfy
"""
_IGNORED = frozenset(_IGNORED_WORDS.split())
_SECTIONS_WORDS = """
directory directorymatch files filesmatch ifdefine ifmodule ifversion limit limitexcept location locationmatch
requireall requireany requirenone
"""
_SECTIONS = frozenset(_SECTIONS_WORDS.split())
_EXPR = re.compile(
    r"%\{(QUERY_STRING|REQUEST_URI|REMOTE_ADDR|SERVER_ADDR|HTTP_[A-Z_]+)\}\s*(=~|!~)\s*(?:m#|/)(.*?)[#/](i?)"
)
_VARIABLE = re.compile(r"%\{([A-Za-z_:-]+)\}")
_ATTRIBUTES: dict[str, Callable[[Asked], str]] = {
    "remote_addr": lambda r: r.address,
    "remote_host": lambda r: r.address,
    "server_addr": lambda r: r.server_address,
    "request_method": lambda r: r.method,
    "request_protocol": lambda r: r.protocol,
    "request_uri": lambda r: r.path,
}


class ConfigError(ValueError):
    """A file that Apache refuses; the text is what it prints."""

    def __init__(self, path: str, line: int, why: str) -> None:
        super().__init__(f"AH00526: Syntax error on line {line} of {path}:\n{why}")


@dataclass(frozen=True)
class Asked:
    """What conditions can look at of a request; header names in small letters."""

    method: str
    path: str
    query: str
    protocol: str = "HTTP/1.1"
    address: str = ""
    server_address: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


Test = Callable[[Asked], bool]


@dataclass(frozen=True)
class Log:
    """One CustomLog on stdout: `condition` names a variable, with `!` before one that must not be set."""

    write: Write
    condition: str = ""

    def wants(self, env: Mapping[str, str]) -> bool:
        """Whether a request with these variables is logged."""
        if not self.condition:
            return True
        return (self.condition[1:] not in env) if self.condition.startswith("!") else self.condition in env


@dataclass(frozen=True)
class HttpdConfig:
    """A configuration as the built-in server needs it."""

    document_root: str = "/usr/local/apache2/htdocs"
    index: tuple[str, ...] = ("index.html",)
    logs: tuple[Log, ...] = (Log(compile_format(COMMON)),)
    variables: tuple[tuple[Test, Mapping[str, str | None]], ...] = ()
    limited: tuple[Test, ...] = ()
    rewrites: tuple[tuple[tuple[Test, ...], int], ...] = ()

    def env(self, asked: Asked) -> dict[str, str]:
        """Return the variables that are set for a request, in the file's order."""
        found: dict[str, str] = {}
        for test, values in self.variables:
            if test(asked):
                for name, value in values.items():
                    if value is None:
                        found.pop(name, None)
                    else:
                        found[name] = value
        return found

    def status(self, asked: Asked) -> int | None:
        """Return the status that a rewrite rule gives a request; None: none does."""
        return next((code for tests, code in self.rewrites if all(test(asked) for test in tests)), None)

    def rate(self, asked: Asked, env: Mapping[str, str]) -> int:
        """Return the KiB a second at which the answer is sent; 0: as quickly as it goes."""
        text = env.get("rate-limit", "")
        return int(text) if text.isdigit() and any(test(asked) for test in self.limited) else 0

    def lines(self, served: Served) -> list[str]:
        """Return the access-log lines of a request."""
        return [log.write(served) for log in self.logs if log.wants(served.env)]


def parse(text: str, path: str = "/usr/local/apache2/conf/httpd.conf") -> HttpdConfig:
    """Read a configuration; raises ConfigError with Apache's words."""
    return _Parser(path).run(text)


class _Parser:
    def __init__(self, path: str) -> None:
        self._path, self._line = path, 0
        self._sections: list[tuple[str, str, int]] = []
        self._formats = {"": COMMON, "common": COMMON}
        self._known = {"common": COMMON, "combined": COMBINED}
        self._root, self._index = HttpdConfig.document_root, HttpdConfig.index
        self._logs: list[tuple[str, str, int]] = []
        self._variables: list[tuple[Test, dict[str, str | None]]] = []
        self._limited: list[Test] = []
        self._conditions: list[Test] = []
        self._rewrites: list[tuple[tuple[Test, ...], int]] = []
        self._rewriting = False

    def run(self, text: str) -> HttpdConfig:
        for number, line in _joined(text):
            self._line = number
            if line and not line.startswith("#"):
                self._read(line)
        if self._sections:
            name, _, self._line = self._sections[-1]
            self._refuse(f"<{name}> was not closed.")
        logs = tuple(self._log(*each) for each in self._logs) if self._logs else ()
        return HttpdConfig(
            self._root, self._index, logs, tuple(self._variables), tuple(self._limited), tuple(self._rewrites)
        )

    def _refuse(self, why: str) -> None:
        raise ConfigError(self._path, self._line, why)

    def _read(self, line: str) -> None:
        if line.startswith("<"):
            self._section(line)
            return
        try:
            name, *words = _words(line)
        except ValueError:
            name, *words = line.split(None, 1)
            self._refuse(f"{name}: unterminated quoted string")
        handler: Callable[[list[str]], None] | None = getattr(self, f"_on_{name.lower()}", None)
        if handler is not None:
            handler(words)
        elif name.lower() not in _IGNORED:
            self._refuse(
                f"Invalid command '{name}', perhaps misspelled or defined by a module not included in the server "
                "configuration"
            )

    def _section(self, line: str) -> None:
        inside = line.strip("<>").strip()
        if line.startswith("</"):
            name = inside.strip("/").strip()
            if not self._sections:
                self._refuse(f"</{name}> without matching <{name}> section")
            opened = self._sections.pop()[0]
            if opened.lower() != name.lower():
                self._refuse(f"Expected </{opened}> but saw </{name}>")
            return
        name, _, argument = inside.partition(" ")
        if not line.endswith(">"):
            self._refuse(f"<{name}> directive missing closing '>'")
        if name.lower() not in _SECTIONS:
            self._refuse(
                f"Invalid command '<{name}', perhaps misspelled or defined by a module not included in the server "
                "configuration"
            )
        self._sections.append((name, argument.strip().strip('"'), self._line))

    def _on_documentroot(self, words: list[str]) -> None:
        self._root = self._one("DocumentRoot", words)

    def _on_directoryindex(self, words: list[str]) -> None:
        self._index = tuple(words)

    def _on_logformat(self, words: list[str]) -> None:
        if not 1 <= len(words) <= 2:
            self._refuse(
                "LogFormat takes one or two arguments, a log format string (see docs) and an optional format name"
            )
        self._compiled(words[0])
        self._formats[words[1] if len(words) == 2 else ""] = words[0]

    def _on_customlog(self, words: list[str]) -> None:
        if not 2 <= len(words) <= 3:
            self._refuse(
                "CustomLog takes two or three arguments, a file name, a custom log format string or format name, and "
                'an optional "env=" or "expr=" clause (see docs)'
            )
        condition = words[2] if len(words) == 3 else ""
        if condition and not condition.startswith(("env=", "expr=")):
            self._refuse("error in condition clause")
        text = self._formats.get(words[1], words[1])
        if "%" not in text:
            # Apache would print the unknown nickname itself, for every request: it does here too
            text = words[1]
        self._compiled(text)
        if words[0] in STDOUT:
            self._logs.append(
                (text, condition.removeprefix("env=") if condition.startswith("env=") else "", self._line)
            )

    def _on_transferlog(self, words: list[str]) -> None:
        if self._one("TransferLog", words) in STDOUT:
            self._logs.append((self._formats[""], "", self._line))

    def _on_setenvif(self, words: list[str], flags: int = 0) -> None:
        if len(words) < 3:
            self._refuse("SetEnvIf takes an attribute, a regular expression and variables")
        attribute, expression, *variables = words
        pattern = self._regex(expression, flags)
        read = _ATTRIBUTES.get(attribute.lower(), _header(attribute))
        self._variables.append((lambda asked: pattern.search(read(asked)) is not None, _variables(variables)))

    def _on_setenvifnocase(self, words: list[str]) -> None:
        self._on_setenvif(words, re.IGNORECASE)

    def _on_setenvifexpr(self, words: list[str]) -> None:
        if len(words) < 2:
            self._refuse("SetEnvIfExpr takes an expression and variables")
        found = _EXPR.fullmatch(words[0].strip())
        if not found:
            self._refuse(f"Cannot parse expression here: {words[0]} (the built-in server knows: %{{NAME}} =~ /regex/)")
        assert found is not None
        name, operator, expression, flag = found.groups()
        pattern, read = self._regex(expression, re.IGNORECASE if flag else 0), _server_variable(name)
        wanted = operator == "=~"
        self._variables.append(
            (lambda asked: (pattern.search(read(asked)) is not None) == wanted, _variables(words[1:]))
        )

    def _on_setenv(self, words: list[str]) -> None:
        name, *value = words
        self._variables.append((self._here(), {name: value[0] if value else ""}))

    def _on_setoutputfilter(self, words: list[str]) -> None:
        if words and words[0].upper() == "RATE_LIMIT":
            self._limited.append(self._here())

    def _on_rewriteengine(self, words: list[str]) -> None:
        self._rewriting = self._one("RewriteEngine", words).lower() == "on"

    def _on_rewritecond(self, words: list[str]) -> None:
        if not 2 <= len(words) <= 3:
            self._refuse("RewriteCond: bad argument line")
        subject, expression = words[:2]
        negated, expression = expression.startswith("!"), expression.removeprefix("!")
        pattern = self._regex(expression, re.IGNORECASE if "NC" in "".join(words[2:]).upper() else 0)
        self._conditions.append(lambda asked: (pattern.search(_expanded(subject, asked)) is not None) != negated)

    def _on_rewriterule(self, words: list[str]) -> None:
        if not 2 <= len(words) <= 3:
            self._refuse("RewriteRule: bad argument line")
        pattern = self._regex(words[0].removeprefix("!"), 0)
        tests, self._conditions = [*self._conditions, lambda asked: pattern.search(asked.path) is not None], []
        code = re.search(r"\bR=(\d{3})\b", words[2] if len(words) == 3 else "")
        forbidden = len(words) == 3 and re.search(r"\bF\b", words[2])
        if self._rewriting and (code or forbidden):
            self._rewrites.append((tuple(tests), int(code[1]) if code else 403))

    def _here(self) -> Test:
        """Whether a request is inside the section that is open now."""
        for name, argument, _ in reversed(self._sections):
            if name.lower() == "location":
                return lambda asked, prefix=argument: asked.path.startswith(prefix)  # type: ignore[misc]
            if name.lower() == "locationmatch":
                pattern = self._regex(argument, 0)
                return lambda asked, pattern=pattern: pattern.search(asked.path) is not None  # type: ignore[misc]
        return lambda _: True

    def _one(self, name: str, words: list[str]) -> str:
        if len(words) != 1:
            self._refuse(f"{name} takes one argument")
        return words[0]

    def _regex(self, text: str, flags: int) -> re.Pattern[str]:
        try:
            return re.compile(text, flags)
        except re.error:
            self._refuse(f"Regex could not be compiled: {text}")
            raise

    def _compiled(self, text: str) -> Write:
        try:
            return compile_format(text)
        except FormatError as exc:
            self._refuse(str(exc))
            raise

    def _log(self, text: str, condition: str, line: int) -> Log:
        self._line = line
        return Log(self._compiled(text), condition)


def _joined(text: str) -> list[tuple[int, str]]:
    """Lines with those that end in a backslash joined to the next; the number is the first one's."""
    found: list[tuple[int, str]] = []
    begin, parts = 0, list[str]()
    for number, line in enumerate(text.splitlines(), 1):
        begin = begin if parts else number
        if line.endswith("\\"):
            parts.append(line[:-1])
            continue
        found.append((begin, "".join([*parts, line]).strip()))
        parts = []
    return [*found, (begin, "".join(parts).strip())] if parts else found


def _words(line: str) -> list[str]:
    r"""Split a directive as Apache does: quotes hold words together, and in them a backslash keeps a quote."""
    found, at = list[str](), 0
    pattern = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|\'((?:[^\'\\]|\\.)*)\'|([^\s"\']\S*))')
    while at < len(line.rstrip()):
        word = pattern.match(line, at)
        if word is None:
            raise ValueError(line)
        double, single, plain = word.groups()
        quoted = double if double is not None else single
        found.append(re.sub(r"\\([\"'])", r"\1", quoted) if quoted is not None else plain)
        at = word.end()
    return found


def _variables(words: list[str]) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for word in words:
        name, mark, value = word.partition("=")
        found[name.lstrip("!")] = None if name.startswith("!") else value if mark else "1"
    return found


def _header(name: str) -> Callable[[Asked], str]:
    return lambda asked: asked.headers.get(name.lower(), "")


def _server_variable(name: str) -> Callable[[Asked], str]:
    if name.startswith("HTTP_"):
        return _header(name[5:].replace("_", "-"))
    if name == "QUERY_STRING":
        return lambda asked: asked.query
    return _ATTRIBUTES.get(name.lower(), lambda _: "")


def _expanded(subject: str, asked: Asked) -> str:
    return _VARIABLE.sub(lambda found: _server_variable(found[1].removeprefix("HTTP:"))(asked), subject)
