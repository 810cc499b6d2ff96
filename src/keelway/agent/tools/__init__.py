"""Every tool offered, in the order the model sees them."""

from collections.abc import Awaitable, Callable, Sequence

from pydantic_ai import Tool

from keelway.agent.deps import Deps
from keelway.agent.tools.checks import check_app
from keelway.agent.tools.commands import run_command
from keelway.agent.tools.files import (
    delete_file,
    edit_file,
    list_files,
    move_file,
    read_file,
    search,
    write_file,
)
from keelway.agent.tools.finish import finish
from keelway.agent.tools.packages import install_packages
from keelway.agent.tools.todos import todos


def offered() -> Sequence[Tool[Deps]]:
    """All tools. Each runs alone: one writer, and the order of the steps is the model's order."""
    return _tools(
        list_files,
        read_file,
        write_file,
        edit_file,
        delete_file,
        move_file,
        search,
        run_command,
        install_packages,
        check_app,
        todos,
        finish,
    )


def _tools(*functions: Callable[..., Awaitable[str]]) -> list[Tool[Deps]]:
    return [
        Tool(function, sequential=True, require_parameter_descriptions=True)
        for function in functions
    ]
