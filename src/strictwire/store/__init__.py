"""Where responses are kept: in memory for a while, or in a database.

Both fulfil ``model.stored.ResponseStore``. ``LazyStore`` opens the database when it is first
needed, so a gateway that never stores anything makes no file and loads no database library.
"""

from strictwire.store.lazy import LazyStore
from strictwire.store.memory import MemoryStore

__all__ = ["LazyStore", "MemoryStore"]
