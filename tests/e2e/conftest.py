"""One stand and one set of clients for the whole session: hundreds of cases share them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator

import httpx
import pytest
import pytest_asyncio
from engine_stand import EngineGateway, engine_gateway
from openai import AsyncOpenAI, OpenAI
from sdk_ways import TIMEOUT_S, Clients, client
from stand import Stand


@pytest.fixture(scope="session")
def stand() -> Iterator[Stand]:
    stand = Stand()
    stand.start()
    yield stand
    stand.stop()


@pytest.fixture(scope="session")
def bytes_client() -> Iterator[httpx.Client]:
    # A connection for each request: after an error the gateway closes, and a request that crosses
    # the closing on a connection that is used again is lost.
    limits = httpx.Limits(max_keepalive_connections=0)
    with httpx.Client(timeout=TIMEOUT_S, limits=limits) as plain:
        yield plain


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def clients(stand: Stand) -> AsyncIterator[Clients]:
    """Both SDK clients of each gateway."""
    made: Clients = {
        name: (client(OpenAI, url), client(AsyncOpenAI, url)) for name, url in stand.urls.items()
    }
    yield made
    for sync, later in made.values():
        sync.close()
        await later.close()


@pytest.fixture(scope="session")
def make_client(stand: Stand) -> Iterator[Callable[..., OpenAI]]:
    """A sync client with its own key or headers."""
    made: list[OpenAI] = []

    def make(gateway: str, **more: object) -> OpenAI:
        made.append(client(OpenAI, stand.urls[gateway], **more))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineGateway]:
    """The demonstration model with four places."""
    pytest.importorskip("xllamacpp")
    with engine_gateway(tmp_path_factory.mktemp("engine"), "--parallel", "4") as gateway:
        yield gateway


@pytest.fixture(scope="session")
def narrow_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineGateway]:
    """The same with one place: whoever comes second stands in line."""
    pytest.importorskip("xllamacpp")
    with engine_gateway(tmp_path_factory.mktemp("narrow"), "--parallel", "1") as gateway:
        yield gateway
