"""The lines that a start prints: where it serves, what it stands in front of. No secrets."""

from __future__ import annotations

from strictwire import __version__
from strictwire.config import DEMO_WORDS, Provider, Settings, shown_url

# More providers than this are counted instead of listed: the line stays a line.
MAX_LISTED_PROVIDERS = 4

_NO_ENGINE_LINE = (
    "No upstream is set, and the engine that would run a model here is not installed: xllamacpp "
    "has no package for this platform."
)
_LAB_LINES = (
    "Serving the built-in lab: scripted answers without a model. Its model names are scenarios "
    "(strictwire lab list).",
    "For a real server: strictwire serve --upstream http://127.0.0.1:8000/v1",
)


def gateway_url(settings: Settings) -> str:
    """The URL that a client is given."""
    return f"http://{_in_url(settings.host)}:{settings.port}/v1"


def start_line(settings: Settings) -> str:
    """The one line about address and upstreams."""
    return f"strictwire {__version__} on {gateway_url(settings)} -> {_upstreams(settings)}"


def what_is_served(settings: Settings, *, is_lab_wanted: bool) -> tuple[str, ...]:
    """What somebody must be told who did not say what to serve; nothing to anyone else."""
    if any(one.is_demonstration for one in settings.providers):
        return DEMO_WORDS
    if settings.providers:
        return ()
    return _LAB_LINES if is_lab_wanted else (_NO_ENGINE_LINE, *_LAB_LINES)


def lab_start_line(host: str, port: int) -> str:
    """The one line of ``strictwire lab serve``."""
    return (
        f"strictwire {__version__} lab on http://{_in_url(host)}:{port}/v1; "
        "its model names are scenarios (strictwire lab list)"
    )


def lab_proxy_start_line(host: str, port: int) -> str:
    """The one line of ``strictwire lab proxy``."""
    return f"strictwire {__version__} lab proxy on http://{_in_url(host)}:{port}/v1/responses"


def _upstreams(settings: Settings) -> str:
    providers = settings.providers
    if not providers:
        return "the built-in lab"
    if len(providers) == 1:
        return _place(providers[0])
    if len(providers) > MAX_LISTED_PROVIDERS:
        return f"{len(providers)} providers"
    return ", ".join(f"{one.name} ({_place(one)})" for one in providers)


def _place(provider: Provider) -> str:
    is_here = provider.is_engine
    return f"{provider.model_name}, embedded" if is_here else shown_url(provider.base_url)


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
