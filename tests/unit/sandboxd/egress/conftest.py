from collections.abc import AsyncIterator

import httpx
import pytest
from tests.support.registry import Registry, serving_egress, serving_registry

from sandboxd.egress import Egress


@pytest.fixture
async def registry() -> AsyncIterator[Registry]:
    async with serving_registry() as running:
        yield running


@pytest.fixture
async def inside(registry: Registry) -> AsyncIterator[httpx.AsyncClient]:
    """A program of the machine, whose only way out is the egress."""
    async with (
        serving_egress(Egress(registry.registries)) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client,
    ):
        yield client
