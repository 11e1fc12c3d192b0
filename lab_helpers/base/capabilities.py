"""What the place that a run works on allows: asked for by what it can do, never by its name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Capabilities:
    """What a backend can do. `place` names it in a sentence."""

    place: str
    is_embedded: bool = False
    """Its server and its state are the lab's: started, stopped, forgotten, set back, broken on request."""
    runs_tasks_here: bool = False
    """Tasks are processes of this machine, with its httpd and its log router."""
    needs_consent: bool = True
    """What is made may cost money: whoever runs it is asked first."""
    has_own_endpoint: bool = True
    """Clients are sent to a URL; without one they find AWS's own addresses, as AWS's changes reach them: slowly."""
    takes_plain_images: bool = True
    """Its registry takes images that the built-in builder makes; elsewhere a container engine is needed."""


CAPABILITIES = {
    "local": Capabilities("local AWS", is_embedded=True, runs_tasks_here=True, needs_consent=False),
    "aws": Capabilities("account", has_own_endpoint=False, takes_plain_images=False),
    "endpoint": Capabilities("endpoint"),
}
"""By the name of the backend."""
