"""The embedded engine: llama.cpp in a supervised child process, an upstream like any other.

``Engine`` fulfils ``model.protocols.Upstream``; who makes one hands in how to reach a unix socket,
since this room knows no sockets of its own. ``EnginePlan`` says what to run, ``EngineStatus`` what
goes on, for metrics and logs.
"""

from strictwire.engine.engine import Engine
from strictwire.engine.failures import EngineFailed
from strictwire.engine.plan import DEMO_MODEL, EngineFacts, EnginePlan, EngineStatus

__all__ = [
    "DEMO_MODEL",
    "Engine",
    "EngineFacts",
    "EngineFailed",
    "EnginePlan",
    "EngineStatus",
]
