"""What these routes answer, as the page's types see it."""

from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from keelway.accounts import access
from keelway.accounts.accounts import User
from keelway.git.objects import Signature
from keelway.ids import UserId
from keelway.workspaces.router import author_of, router


def schemas() -> dict[str, Any]:
    app = FastAPI()
    app.include_router(router)
    return app.openapi()["components"]["schemas"]


def test_names_are_camel_case_and_no_answer_leaves_a_field_out() -> None:
    found = schemas()
    assert set(found["WorkspaceHealthOut"]["properties"]) == {
        "machine",
        "files",
        "devServer",
        "page",
    }
    assert set(found["PreviewOut"]["properties"]) == {"url", "port", "state", "message", "log"}
    for name in ("WorkspaceHealthOut", "PreviewOut", "RestoredOut", "RecoveredOut", "StateOut"):
        assert set(found[name]["required"]) == set(found[name]["properties"]), name


def test_changing_needs_the_right_to_change_and_looking_the_right_to_look() -> None:
    for route in router.routes:
        assert isinstance(route, APIRoute)
        calls = {dependency.call for dependency in route.dependant.dependencies}
        changes = route.path.endswith(("/restore", "/recover"))
        assert (access.can_edit if changes else access.can_view) in calls, route.path


def test_who_restores_is_the_author_by_whatever_name_they_have() -> None:
    one = UserId("u1")
    assert author_of(User(one, "Jonas", "j@example.org", "member")) == Signature(
        "Jonas", "j@example.org"
    )
    assert author_of(User(one, None, "j@example.org", "member")).name == "j@example.org"
    assert author_of(User(one, "", None, "member")) == Signature(*["u1@keelway.localhost"] * 2)
