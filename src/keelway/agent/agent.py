"""The agent: a model, what it is told, its tools, and its limits."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from pydantic_ai import Agent, RunContext, ToolDefinition
from pydantic_ai.capabilities import Hooks
from pydantic_ai.messages import ModelMessage, ToolCallPart
from pydantic_ai.models import Model, ModelRequestContext

from keelway import faults
from keelway.agent.deps import Deps
from keelway.agent.tools import offered

TRIES = 5
"""How often a tool call may be corrected before the run ends."""

Checkpoint = Callable[[Sequence[ModelMessage]], Awaitable[None]]


def build_agent(model: Model, told: str, checkpoint: Checkpoint) -> Agent[Deps, str]:
    """One turn's agent.

    Args:
        model: Who answers.
        told: The standing instructions.
        checkpoint: Called with the whole history before each model request (tool results are in the
            history only there) and after each response; it must be durable when it returns.
    """
    return Agent(
        model,
        deps_type=Deps,
        output_type=str,
        instructions=told,
        tools=offered(),
        retries={"tools": TRIES, "output": 2},
        capabilities=[_hooks(checkpoint)],
    )


def _hooks(checkpoint: Checkpoint) -> Hooks[Deps]:
    hooks: Hooks[Deps] = Hooks()

    @hooks.on.before_model_request
    async def before_request(  # pyright: ignore[reportUnusedFunction]
        _: RunContext[Deps], request_context: ModelRequestContext
    ) -> ModelRequestContext:
        await checkpoint(request_context.messages)
        return request_context

    @hooks.on.after_node_run
    async def after_node(  # pyright: ignore[reportUnusedFunction]
        ctx: RunContext[Deps],
        *,
        node: Any,  # noqa: ARG001
        result: Any,
    ) -> Any:
        await checkpoint(ctx.messages)
        return result

    @hooks.on.tool_execute
    async def once(  # pyright: ignore[reportUnusedFunction]
        ctx: RunContext[Deps],
        *,
        call: ToolCallPart,
        tool_def: ToolDefinition,  # noqa: ARG001
        args: dict[str, Any],
        handler: Callable[[dict[str, Any]], Awaitable[Any]],
    ) -> Any:
        """Name the call; one that was answered before the server was killed keeps its answer."""
        name = ctx.deps.calls.begin(call.tool_call_id)
        answer = ctx.deps.calls.answered.get(name)
        if answer is not None:
            return answer
        faults.point("turn.tool_dispatched")
        result = await handler(args)
        faults.point("turn.tool_done")
        return result

    return hooks
