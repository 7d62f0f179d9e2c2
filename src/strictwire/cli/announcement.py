"""The lines that a start prints: where it serves, what it stands in front of. No secrets."""

from __future__ import annotations

from strictwire import __version__
from strictwire.config import Settings, shown_url

# More providers than this are counted instead of listed: the line stays a line.
MAX_LISTED_PROVIDERS = 4


def gateway_url(settings: Settings) -> str:
    """The URL that a client is given."""
    return f"http://{_in_url(settings.host)}:{settings.port}/v1"


def start_line(settings: Settings) -> str:
    """The one line about address and upstreams."""
    return f"strictwire {__version__} on {gateway_url(settings)} -> {_upstreams(settings)}"


def lab_lines(settings: Settings) -> tuple[str, ...]:
    """What a start without any upstream tells."""
    return (
        "No upstream is set: serving the built-in lab, scripted answers without a model.",
        "Its model names are scenarios (strictwire lab list). For a real server: "
        "strictwire serve --upstream http://127.0.0.1:8000/v1",
    )


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
        return shown_url(providers[0].base_url)
    if len(providers) > MAX_LISTED_PROVIDERS:
        return f"{len(providers)} providers"
    return ", ".join(f"{one.name} ({shown_url(one.base_url)})" for one in providers)


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
