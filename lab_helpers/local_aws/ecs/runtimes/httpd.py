"""The httpd image, and images made from it: Apache where it is installed, else our small server with the same lines.

An image of one's own brings its httpd.conf and its pages; Apache runs on the same file, led to this machine's paths,
line by line, so that a number in an error is that of the image's file.
Facts of the image kept: page, common log on stdout, error log on stderr, port 80, STOPSIGNAL SIGWINCH (Apache then
finishes what it is serving). The PROXY protocol lets Apache see VPC addresses (design decision 4).
"""

from __future__ import annotations

import contextlib
import grp
import logging
import os
import pwd
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from lab_helpers.base.errors import MissingToolError
from lab_helpers.base.paths import inside
from lab_helpers.local_aws.ecs.containers.images import BASE_NAME, Image, parse_image
from lab_helpers.local_aws.ecs.ports import LOOPBACK, accepts
from lab_helpers.local_aws.ecs.runtimes.httpd_answers import PAGE
from lab_helpers.local_aws.ecs.runtimes.httpd_files import KINDS
from lab_helpers.local_aws.ecs.runtimes.httpd_paths import HOME, Places, localise
from lab_helpers.local_aws.ecs.runtimes.runtime import PACKAGE_ROOT, Launch, LaunchRequest
from lab_helpers.local_aws.ecs.spec import ContainerSpec
from lab_helpers.local_aws.kit.network import Socket

log = logging.getLogger(__name__)

HTTP_PORT = 80
PROGRAMS = ("apache2", "httpd")
SYSTEM_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/usr/local/apache2/bin", "/opt/homebrew/bin", "/usr/local/bin")
MODULE_FOLDERS = ("lib/apache2/modules", "lib64/httpd/modules", "lib/httpd/modules", "libexec/apache2", "modules")
"""Below the prefix of the program: Debian, Fedora, Homebrew, macOS, the official image."""
MODULES = ("mpm_event", "unixd", "authz_core", "log_config", "dir", "mime", "remoteip")
COULD_NOT_BIND = 1
WIRING_NOTICE = b"AH03492: RemoteIPProxyProtocol"
"""Apache says so in spite of LogLevel; the PROXY protocol is our wiring, not part of the image."""
THREADS = 64
UNDATED = 315_532_800
"""Of a file that a reproducible build left without a time: to Apache 0 means "unknown", and then nothing is ever "not
modified"."""
CONF = f"{HOME}/conf/httpd.conf"
"""Source: the official image."""
CONFIG = "httpd.conf"
"""In the container's folder: what Apache runs on here."""

_CONFIG = """\
ServerRoot "{root}"
ServerName localhost
Listen {host}:{port}
PidFile "{root}/httpd.pid"
{modules}
{identity}
DocumentRoot "{documents}"
TypesConfig /dev/null
AddType text/html .html
DirectoryIndex index.html
RemoteIPProxyProtocol On
ErrorLog {stderr}
LogLevel warn
LogFormat "%h %l %u %t \\"%r\\" %>s %b" common
CustomLog {stdout} common
"""
_FOOTPRINT = """\
StartServers 1
ServerLimit 1
ThreadLimit {threads}
ThreadsPerChild {threads}
MaxRequestWorkers {threads}
MinSpareThreads 1
MaxSpareThreads {threads}
ThreadStackSize 262144
AsyncRequestWorkerFactor 16
"""


class HttpdRuntime:
    """Plays httpd; `choice` is "auto", "apache" or "builtin"."""

    def __init__(self, choice: str) -> None:
        self._apache = find_apache() if choice != "builtin" else None
        if choice == "apache" and self._apache is None:
            raise MissingToolError(
                "Apache httpd", "not found on PATH", "Install it, or set the httpd runtime to builtin."
            )
        self.name = "apache" if self._apache else "builtin"

    def plays(self, container: ContainerSpec, image: Image) -> bool:
        if container.firelens is not None:
            return False
        if not image.layers:
            return image.ref.name in ("httpd", "apache2")
        labels = image.run_config.get("Labels") or {}
        base = parse_image(labels.get(BASE_NAME, "")).name if labels.get(BASE_NAME) else ""
        return base in ("httpd", "apache2") or image.path(CONF) is not None

    def prepare(self, request: LaunchRequest) -> Launch:
        port = request.ports.take()
        documents = _documents(request)
        argv = self._apache_argv(request, documents, port) if self._apache else _builtin_argv(request, documents, port)
        return Launch(
            argv=argv,
            env=dict(request.env) if self._apache else {**request.env, "PYTHONPATH": str(PACKAGE_ROOT)},
            sockets={HTTP_PORT: Socket(LOOPBACK, port, proxy_protocol=True)},
            is_ready=lambda: accepts(port),
            release=lambda: request.ports.give_back(port),
            stop_signal=signal.SIGWINCH,
            hidden=WIRING_NOTICE,
            shown={str(request.folder / CONFIG): CONF, str(documents): f"{HOME}/htdocs", str(request.folder): HOME},
            retry_codes=frozenset({COULD_NOT_BIND}),
        )

    def _apache_argv(self, request: LaunchRequest, documents: Path, port: int) -> list[str]:
        program = Path(str(self._apache))
        own, config = request.image.path(CONF), request.folder / CONFIG
        if own is None:
            text = apache_config(program, request.folder, documents, port)
        else:
            text = localise(own.read_text(), _places(program, request, documents, port))
        config.write_text(text)
        return [str(program), "-D", "FOREGROUND", "-f", str(config)]


def _places(program: Path, request: LaunchRequest, documents: Path, port: int) -> Places:
    modules, root = modules_folder(program) or Path(), request.folder
    wiring = [_load_module("remoteip", modules), "RemoteIPProxyProtocol On", _identity(), f'PidFile "{root}/httpd.pid"']
    kinds = [f"AddType {kind} {ending}" for ending, kind in KINDS.items()]
    listen, hostname = f"{LOOPBACK}:{port}", request.env.get("HOSTNAME", "")
    return Places(
        modules, root, documents, listen, hostname, "\n".join([*wiring, *kinds, _FOOTPRINT.format(threads=THREADS)])
    )


def find_apache() -> Path | None:
    """Return Apache's program, or None: it must be there with its modules."""
    path = os.pathsep.join([os.environ.get("PATH", ""), *SYSTEM_FOLDERS])
    for name in PROGRAMS:
        program = shutil.which(name, path=path)
        if program and modules_folder(Path(program)):
            return Path(program)
    return None


def modules_folder(program: Path) -> Path | None:
    """Return the folder of Apache's modules that belongs to `program`."""
    prefixes = [program.parents[1], program.resolve().parents[1], Path("/usr")]
    candidates = [prefix / folder for prefix in prefixes for folder in MODULE_FOLDERS]
    return next((folder for folder in candidates if (folder / "mod_remoteip.so").is_file()), None)


def apache_config(program: Path, root: Path, documents: Path, port: int) -> str:
    """Return a configuration with a small footprint: one child, few threads, nothing but the page."""
    folder = modules_folder(program) or Path()
    loads = [_load_module(name, folder) for name in MODULES]
    stdout, stderr = (
        ("/proc/self/fd/1", "/proc/self/fd/2") if Path("/proc/self/fd").exists() else ("/dev/stdout", "/dev/stderr")
    )
    page = _CONFIG.format(
        root=root, host=LOOPBACK, port=port, modules="\n".join(loads), identity=_identity(), documents=documents,
        stdout=stdout, stderr=stderr,
    )  # fmt: skip
    return page + _FOOTPRINT.format(threads=THREADS)


def _load_module(name: str, folder: Path) -> str:
    # Distributions differ in what is compiled in: a module is loaded only where it is a file and not there yet.
    if not (folder / f"mod_{name}.so").is_file():
        return f"# {name}: compiled in"
    return f'<IfModule !{name}_module>\nLoadModule {name}_module "{folder}/mod_{name}.so"\n</IfModule>'


def _identity() -> str:
    """Name whom Apache's child becomes when it is started by root; it refuses to serve as root."""
    if os.geteuid() != 0:
        return ""
    users, groups = {each.pw_name for each in pwd.getpwall()}, {each.gr_name for each in grp.getgrall()}
    user = next((name for name in ("www-data", "apache", "daemon", "nobody") if name in users), "nobody")
    group = next((name for name in ("www-data", "apache", "daemon", "nogroup", "nobody") if name in groups), "nobody")
    return f"User {user}\nGroup {group}"


def _linked_folders(at: str, names: list[str]) -> set[str]:
    """Return the links to folders: one that leads to where it stands would be copied for ever."""
    return {path.name for path in Path(at).iterdir() if path.is_symlink() and path.is_dir() and path.name in names}


def _documents(request: LaunchRequest) -> Path:
    """Return the folder of pages: the image's, or the default page; in a folder that Apache's child may enter."""
    content = request.image.path(f"{HOME}/htdocs")
    if content is None:
        return _write_page(request.run_dir / "htdocs")
    folder = inside(request.run_dir, f"htdocs-{request.image.digest[-16:]}")
    if not folder.exists():
        request.run_dir.chmod(0o711)
        waiting = Path(tempfile.mkdtemp(dir=request.run_dir))
        shutil.copytree(content, waiting / "htdocs", ignore=_linked_folders)
        for path in (waiting / "htdocs", *(waiting / "htdocs").rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
            if path.stat().st_mtime == 0:
                os.utime(path, (UNDATED, UNDATED))
        with contextlib.suppress(OSError):  # the other task of the same image was quicker
            (waiting / "htdocs").rename(folder)
        shutil.rmtree(waiting)
        if not (folder / "index.html").exists() and not any(folder.iterdir()):
            _write_page(folder)
    return folder


def _write_page(documents: Path) -> Path:
    if not (documents / "index.html").exists():
        documents.mkdir(parents=True, exist_ok=True)
        documents.parent.chmod(0o711)  # Apache's child is another user
        (documents / "index.html").write_bytes(PAGE)
    return documents


def _builtin_argv(request: LaunchRequest, documents: Path, port: int) -> list[str]:
    argv = [sys.executable, "-m", "lab_helpers.local_aws.ecs.runtimes.builtin_httpd", "--port", str(port)]
    if (own := request.image.path(CONF)) is not None:
        argv += ["--config", str(own)]
    if request.image.layers:
        argv += ["--documents", str(documents)]
    return argv
