"""Every error that the lab raises on purpose.

LabError
├── SettingsError            a setting is unknown or has an impossible value
├── MissingToolError         a program the step needs is not installed, or too old
├── MissingExtraError        a Python package that an extra of this one brings is not installed
├── NoWorkbookError          an installed package works with a folder that `lab new` laid out, and there is none
├── NewFolderError           `lab new` cannot lay the workbook out there
├── CommandError             a program ended badly; carries the tail of its output
│   └── TerraformError       Terraform's own error text
├── TerraformBusyError       another notebook or terminal runs Terraform on this lab
├── ProviderNotFoundError    no AWS provider for Terraform anywhere; names what was tried
├── LocalAwsError            the embedded AWS
│   ├── LocalAwsNotRunningError
│   ├── LocalAwsStartError   did not become ready; carries the reason
│   │   ├── StateVersionError    what it kept was made by another version
│   │   └── StateDamagedError    what it kept cannot be read
│   └── ForeignStateError    Terraform state made against another server instance
├── AwsCallError             an AWS API answered with an error
│   ├── AccessDeniedError
│   └── NotFoundError
├── GuardError               a run on an account was refused before anything was made
├── WaitTimeoutError         a documented bound passed; carries the last state seen
├── NoAnswerError            the service did not answer a request
├── ImageError               image build or push
├── TaskDefinitionError      what was given to `lab try` cannot be tried
├── PathOutsideError         a name from outside would have led out of its folder
├── FileRefusedError         a file of the working copy would not be taken by who reads it; nothing was written
├── CheckpointError          a checkpoint is not there, or cannot be taken
├── CertificateError         a certificate was changed, or is none
├── ClassError               a class cannot be joined, left or served
├── NotYetError              an earlier notebook has to run first; names it
└── CheckFailedError         a check of the workbook does not hold

KeyboardInterrupt
└── InterruptedStep          somebody stopped a step that shows its progress
    └── InterruptedWait      somebody stopped waiting for something that goes on

In a notebook both are shown as their sentence, without the way through the lab's own code that led there.
"""

from __future__ import annotations

from collections.abc import Sequence

from lab_helpers.base.messages import say
from lab_helpers.base.redact import redact


class LabError(Exception):
    """Base of all errors that the lab raises on purpose; each says what, with which value, and what to do next.

    Its text is shown in notebooks and kept in reports, so it names neither account numbers nor keys.
    """

    def __str__(self) -> str:
        return redact(super().__str__())

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in place of a traceback."""
        return [f"{type(self).__name__}: {self}"]


class SettingsError(LabError):
    """A setting is unknown or has an impossible value."""

    def __init__(self, name: str, value: object, expected: str) -> None:
        super().__init__(
            say("{name} is {value!r}, but must be {expected}.", name=name, value=value, expected=say(expected))
        )
        self.name, self.value = name, value


class MissingToolError(LabError):
    """A program is not installed, or too old."""

    def __init__(self, tool: str, found: str, remedy: str) -> None:
        super().__init__(f"{tool}: {found}. {remedy}")
        self.tool = tool


class MissingExtraError(LabError):
    """A Python package is not installed that an extra of this one brings; `extra` is what pip is to install."""

    def __init__(self, package: str, extra: str) -> None:
        text = "This needs the Python package {package}, which is not installed: pip install '{extra}'"
        super().__init__(say(text, package=package, extra=extra))
        self.package, self.extra = package, extra


class NoWorkbookError(LabError):
    """There is no workbook in a folder, nor above it."""

    def __init__(self, folder: str) -> None:
        text = "There is no workbook in {folder}, nor above it. `lab new lab` lays one out; then: cd lab"
        super().__init__(say(text, folder=folder))


class NewFolderError(LabError):
    """The workbook cannot be laid out in a folder."""

    def __init__(self, folder: str, why: str) -> None:
        text = "The workbook cannot be laid out in {folder}: {why}. Name a folder that is not there yet, or is empty."
        super().__init__(say(text, folder=folder, why=why))


class CommandError(LabError):
    """A program ended with a non-zero status or did not end in time."""

    def __init__(self, command: str, outcome: str, output_tail: str) -> None:
        super().__init__(f"{command}: {outcome}." + (f"\n{output_tail}" if output_tail else ""))
        self.command, self.outcome, self.output_tail = command, outcome, output_tail


class TerraformError(CommandError):
    """Terraform failed; `output_tail` is its own error text."""


class TerraformBusyError(LabError):
    """Terraform works on this lab already; `since` is a time of day, `process` who runs it."""

    def __init__(self, *, command: str, since: str, process: str) -> None:
        super().__init__(
            say(
                "Another notebook or terminal runs Terraform on this lab: {command}, since {since} ({process}). "
                "Wait until it has ended, then run this again.",
                command=command,
                since=since,
                process=process,
            )
        )


class ProviderNotFoundError(LabError):
    """Terraform's AWS provider is neither in a mirror nor downloadable."""

    def __init__(self, tried: list[str]) -> None:
        places = "\n".join(f"  - {place}" for place in tried)
        super().__init__(
            say(
                "No AWS provider (hashicorp/aws 5.100 or newer 5.x) for Terraform. Looked at:\n{places}\n"
                "Connect to a network once, or point LAB_TERRAFORM_MIRROR to a filesystem mirror.",
                places=places,
            )
        )
        self.tried = tried


class LocalAwsError(LabError):
    """The embedded AWS has a problem."""


class LocalAwsNotRunningError(LocalAwsError):
    """Nothing answers where the embedded AWS should be."""

    def __init__(self, where: str, why: str) -> None:
        super().__init__(
            say(
                "The local AWS at {where} does not answer ({why}). What was built on it is kept: `lab up` starts it "
                "again with everything in it.",
                where=where,
                why=why,
            )
        )


class LocalAwsStartError(LocalAwsError):
    """The embedded AWS did not become ready."""

    def __init__(self, why: str, log_tail: str = "") -> None:
        super().__init__(say("The local AWS did not start: {why}", why=why) + (f"\n{log_tail}" if log_tail else ""))


class StateVersionError(LocalAwsStartError):
    """What the local AWS kept was made by another version of the lab, of moto or of Python."""

    def __init__(self, path: str, found: str, wanted: str) -> None:
        super().__init__(
            say(
                "its state in {path} was made by another version ({found}; this one: {wanted}). "
                "`lab up --fresh` begins anew and puts that state aside; or go back to the version that made it.",
                path=path,
                found=found,
                wanted=wanted,
            )
        )


class StateDamagedError(LocalAwsStartError):
    """What the local AWS kept cannot be read."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(
            say(
                "its state in {path} cannot be read ({why}). `lab up --fresh` begins anew and puts that state aside; "
                "`lab goto` brings back a checkpoint.",
                path=path,
                why=why,
            )
        )


class ForeignStateError(LocalAwsError):
    """Terraform's state was made against another instance of the local AWS."""

    def __init__(self, state_instance: str, running_instance: str) -> None:
        super().__init__(
            say(
                "Terraform's state belongs to local AWS instance {state_instance}, but {running_instance} is running: "
                "the resources in it are gone with their server. Run `lab forget-state`, then notebook 02 again.",
                state_instance=state_instance,
                running_instance=running_instance,
            )
        )


class AwsCallError(LabError):
    """An AWS API answered with an error; `code` and `message` are AWS's."""

    def __init__(self, operation: str, code: str, message: str) -> None:
        super().__init__(f"{operation}: {code}: {message}")
        self.operation, self.code, self.message = operation, code, message


class AccessDeniedError(AwsCallError):
    """The caller may not do this."""


class NotFoundError(AwsCallError):
    """What the call names does not exist."""


class GuardError(LabError):
    """A run on an account was refused before anything was made; `reasons` are all that speak against it."""

    def __init__(self, reasons: Sequence[str]) -> None:
        listed = "\n".join(f"  - {reason}" for reason in reasons)
        super().__init__(say("Nothing was created:\n{reasons}", reasons=listed))
        self.reasons = tuple(reasons)


class WaitTimeoutError(LabError):
    """What was waited for did not happen within its bound."""

    def __init__(self, what: str, timeout_s: float, seen: str, look_at: str = "") -> None:
        hint = " " + say("Look at {look_at}.", look_at=look_at) if look_at else ""
        told = say("Waited {seconds:.0f} s for {what}. Last seen: {seen}.", seconds=timeout_s, what=what, seen=seen)
        super().__init__(told + hint)
        self.what, self.timeout_s, self.seen, self.look_at = what, timeout_s, seen, look_at


class NoAnswerError(LabError):
    """The service did not answer a request: nothing was logged behind the load balancer."""

    def __init__(self, url: str, reason: str) -> None:
        text = "{url} did not answer: {reason}. `ecs_service.target_health` says whether a target is healthy."
        super().__init__(say(text, url=url, reason=reason))


class ImageError(LabError):
    """An image could not be built or pushed."""


class TaskDefinitionError(LabError):
    """A task definition, or what was given beside it, cannot be tried."""

    def __init__(self, why: str, remedy: str) -> None:
        super().__init__(f"This cannot be tried: {why}. {remedy}")
        self.why, self.remedy = why, remedy


class FluentdNotRunError(TaskDefinitionError):
    """A log router of type fluentd; `configuration` is what FireLens generates for it, each line with its author."""

    def __init__(self, router: str, configuration: str) -> None:
        super().__init__(
            f"{router} is of type fluentd, which AWS takes and this machine does not have",
            "What FireLens generates for it is shown; what Fluentd makes of it is not. Type fluentbit is tried whole.",
        )
        self.configuration = configuration


class PathOutsideError(LabError):
    """A name that came from outside leads out of the folder that it belongs to."""

    def __init__(self, name: str, folder: str) -> None:
        told = say("The name {name!r} does not name anything inside of {folder}.", name=name, folder=folder)
        super().__init__(told)
        self.name, self.folder = name, folder


class FileRefusedError(LabError):
    """A file would not be taken by the program that reads it; `words` are that program's."""

    def __init__(self, name: str, words: str) -> None:
        super().__init__(say("{name} is not saved: {words}", name=name, words=words))
        self.name, self.words = name, words


class NotYetError(LabError):
    """An earlier notebook has to run first, or an earlier `cell` of this one, named by what stands in it."""

    def __init__(self, missing: str, notebook: str = "", cell: str = "") -> None:
        if cell:
            text = "{missing} is not there yet. The cell with {cell} makes it: run that one first."
            told = say(text, missing=say(missing), cell=cell)
        else:
            text = "{missing} is not there yet. Notebook {notebook} makes it: run that one first."
            told = say(text, missing=say(missing), notebook=notebook)
        super().__init__(told)
        self.missing, self.notebook = missing, notebook


class CheckpointError(LabError):
    """A checkpoint is not there, or cannot be taken; make it with one of its class methods."""

    @classmethod
    def missing(cls, name: str, there: Sequence[str]) -> CheckpointError:
        """There is none of that name."""
        if not there:
            return cls(say("There is no checkpoint {name}, nor any other. `lab checkpoint NAME` takes one.", name=name))
        return cls(say("There is no checkpoint {name}; there are {there}.", name=name, there=", ".join(there)))

    @classmethod
    def exists(cls, name: str) -> CheckpointError:
        """The name is taken."""
        return cls(say("There is a checkpoint {name} already: take another name, or --replace it.", name=name))

    @classmethod
    def nothing_there(cls, where: str) -> CheckpointError:
        """Nothing has been built yet."""
        return cls(say("There is nothing in {where} to take a checkpoint of: `lab up` begins a lab.", where=where))

    @classmethod
    def changing(cls, missing: int) -> CheckpointError:
        """Objects were deleted faster than they could be kept."""
        text = "{missing:,} objects were deleted while the checkpoint was taken. Take it again when less is going on."
        return cls(say(text, missing=missing))

    @classmethod
    def only_local(cls) -> CheckpointError:
        """An account cannot be set back."""
        text = "Only the local AWS has checkpoints: an account cannot be set back. `lab goto NN` runs what is missing."
        return cls(say(text))


class LostError(LabError):
    """What a notebook made belongs to a local AWS whose state is gone."""

    def __init__(self, missing: str, notebook: str) -> None:
        super().__init__(
            say(
                "{missing} was made by notebook {notebook}, on a local AWS whose state is gone; this is a new one. "
                "`lab goto {notebook}` goes to where that notebook begins; run it again from there.",
                missing=say(missing),
                notebook=notebook,
            )
        )


class CheckFailedError(LabError):
    """A check of the workbook does not hold."""


class InterruptedStep(KeyboardInterrupt):
    """Somebody stopped a step that shows its progress. What it drove has ended in order (see process.stream)."""

    def __init__(self) -> None:
        super().__init__(say("Interrupted, and ended in order. To go on, run the cell again."))

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in place of a traceback."""
        return [str(self)]


class InterruptedWait(InterruptedStep):
    """Somebody stopped waiting for what goes on without them."""

    def __init__(self, what: str) -> None:
        text = "Only the waiting was interrupted: {what} goes on. Run the cell again to wait for its end."
        KeyboardInterrupt.__init__(self, say(text, what=what))


class CertificateError(LabError):
    """A certificate cannot be trusted; make it with one of its class methods."""

    @classmethod
    def unreadable(cls, name: str) -> CertificateError:
        """It is no certificate of this lab."""
        return cls(
            say("{name} is no certificate of this lab, or only a part of one. Ask for the file itself.", name=name)
        )

    @classmethod
    def changed(cls, name: str) -> CertificateError:
        """The signature does not hold."""
        text = (
            "{name} was changed after it was issued: its signature does not hold. Ask for the file that the lab wrote."
        )
        return cls(say(text, name=name))


class ClassError(LabError):
    """A class cannot be joined, left or served; make it with one of its class methods."""

    @classmethod
    def no_address(cls, given: str) -> ClassError:
        """What was given is no address of a class."""
        return cls(
            say(
                "{given!r} is no address of a class. It looks like https://192.168.1.20:8750; your trainer has it.",
                given=given,
            )
        )

    @classmethod
    def no_answer(cls, where: str) -> ClassError:
        """Nothing answers there."""
        return cls(
            say(
                "Nothing answers at {where}. Is it the address on your trainer's page, in the same network?",
                where=where,
            )
        )

    @classmethod
    def is_encrypted(cls, where: str) -> ClassError:
        """The code has a fingerprint, the address no TLS."""
        return cls(
            say(
                "This code is that of an encrypted class, and {where} would not be: its address begins with https://.",
                where=where,
            )
        )

    @classmethod
    def no_fingerprint(cls, where: str) -> ClassError:
        """The address has TLS, the code no fingerprint."""
        return cls(
            say(
                "The code of an encrypted class ({where}) has 24 letters; the last 16 tell its server from any other. "
                "Type in all of it, as your trainer's page shows it.",
                where=where,
            )
        )

    @classmethod
    def another_server(cls, where: str) -> ClassError:
        """What answers there has not the certificate that the code names."""
        return cls(
            say(
                "What answers at {where} has not the certificate that the code names; nothing was sent to it. Compare "
                "the code with your trainer's. If it is right, somebody in this network answers in their place.",
                where=where,
            )
        )

    @classmethod
    def refused(cls, where: str, why: str) -> ClassError:
        """The server there does not want us; `why` is its own word, shown as a text."""
        return cls(say("The class at {where} says: {why}", where=where, why=why))

    @classmethod
    def not_joined(cls) -> ClassError:
        """There is no class to leave."""
        return cls(say("This lab has joined no class. `lab join URL CODE` does; your trainer has both."))

    @classmethod
    def cannot_listen(cls, bind: str, port: int, why: str) -> ClassError:
        """The address or the port cannot be had."""
        return cls(
            say(
                "The class cannot be served at {bind}, port {port}: {why}. Name another one with --bind or --port.",
                bind=bind,
                port=port,
                why=why,
            )
        )

    @classmethod
    def served_already(cls, where: str) -> ClassError:
        """Another process serves this lab's class."""
        return cls(say("This lab's class is served already, at {where}. End that one first (Ctrl-C).", where=where))

    @classmethod
    def damaged(cls, name: str) -> ClassError:
        """What was kept of the class cannot be read."""
        return cls(
            say(
                "What was kept of the class ({name}) cannot be read. `lab class serve --fresh` begins a new one.",
                name=name,
            )
        )
