"""Which model answers: OpenRouter, an OpenAI-compatible endpoint, or the demo model."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from openai import AsyncOpenAI, DefaultAsyncHttpxClient, Timeout
from pydantic import SecretStr
from pydantic_ai.models import Model
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.models.openrouter import OpenRouterModel
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.providers.openrouter import OpenRouterProvider

from keelway.agent import demo
from keelway.errors import Invalid
from keelway.settings import Settings

OPENROUTER = "https://openrouter.ai/api/v1"
DEFAULT = "openrouter/auto"
"""OpenRouter's own choice, where the settings name no model."""
STALL = Timeout(connect=15, read=60, write=30, pool=15)
"""A provider that is silent for longer has failed, seconds."""


class ModelMisconfigured(Invalid):
    """The settings name a model that cannot be asked."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A model ready to be asked. `provider` is its name in sentences for people."""

    model: Model
    name: str
    provider: str


def model_name(settings: Settings, wanted: str | None = None) -> str:
    """The name of the model that would answer."""
    if settings.demo:
        return demo.NAME
    return wanted or settings.model or DEFAULT


@asynccontextmanager
async def chosen(settings: Settings, wanted: str | None = None) -> AsyncGenerator[Chosen]:
    """Open the model for one turn; `wanted` is the person's choice at the same provider.

    Raises:
        ModelMisconfigured: The endpoint has no model name, or would be asked in the clear.
    """
    name = model_name(settings, wanted)
    if settings.demo:
        yield Chosen(demo.demo_model(), name, "The demo model")
        return
    if settings.model_base_url is not None:
        base, key = settings.model_base_url, settings.model_api_key
        if wanted is None and settings.model is None:
            raise ModelMisconfigured("Set KEELWAY_MODEL: the endpoint needs a model's name.")
    else:
        base, key = OPENROUTER, settings.openrouter_api_key
    host = _checked_host(base)
    # No redirects: the key is meant for this host alone. No retries: the runner counts the tries.
    async with DefaultAsyncHttpxClient(follow_redirects=False, timeout=STALL) as http:
        client = AsyncOpenAI(base_url=base, api_key=_bare(key), max_retries=0, http_client=http)
        if settings.model_base_url is not None:
            compatible = OpenAIChatModel(name, provider=OpenAIProvider(openai_client=client))
            yield Chosen(compatible, name, host)
        else:
            router = OpenRouterModel(name, provider=OpenRouterProvider(openai_client=client))
            yield Chosen(router, name, "OpenRouter")


def _bare(key: SecretStr | None) -> str:
    """Endpoints on the own machine often want no key; the client wants some text."""
    return key.get_secret_value() if key is not None else "none"


def _checked_host(base: str) -> str:
    url = urlsplit(base)
    if not url.hostname or url.scheme not in ("http", "https"):
        raise ModelMisconfigured("KEELWAY_MODEL_BASE_URL is not an http(s) address.")
    if url.scheme == "http" and not _loopback(url.hostname):
        raise ModelMisconfigured("KEELWAY_MODEL_BASE_URL must be https unless it is this machine.")
    return url.hostname


def _loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
