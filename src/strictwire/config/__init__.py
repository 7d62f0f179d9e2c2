"""Settings: one file and a command line in, frozen settings or every problem at once out."""

from strictwire.config.addresses import is_loopback_host, shown_url
from strictwire.config.flags import Flags, flag_rows
from strictwire.config.loading import from_flags, load
from strictwire.config.model_files import DEMO_NAME, DEMO_WORDS
from strictwire.config.problems import Problem, SettingsError
from strictwire.config.provider import Model, Provider, Timeouts
from strictwire.config.schema import json_schema
from strictwire.config.secret import Secret
from strictwire.config.server_kinds import SERVER_KINDS, KindName, ServerKind, StreamMode
from strictwire.config.settings import Endpoints, Settings
from strictwire.config.table import Setting

__all__ = [
    "DEMO_NAME",
    "DEMO_WORDS",
    "SERVER_KINDS",
    "Endpoints",
    "Flags",
    "KindName",
    "Model",
    "Problem",
    "Provider",
    "Secret",
    "ServerKind",
    "Setting",
    "Settings",
    "SettingsError",
    "StreamMode",
    "Timeouts",
    "flag_rows",
    "from_flags",
    "is_loopback_host",
    "json_schema",
    "load",
    "shown_url",
]
