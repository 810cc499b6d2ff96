"""A sandbox's SHA-256 leads to git's name of the same bytes."""

import hashlib
from pathlib import Path

from tests.support.workspaces import OWNER, add_owner

from keelway.db.session import Database
from keelway.fragments.build import Write
from keelway.fragments.fragment import Describe
from keelway.fragments.store import FragmentStore
from keelway.projects.projects import Projects
from keelway.workspaces.capture import blob
from keelway.workspaces.digests import Digests


async def test_every_file_of_a_version_is_found_by_its_hash(database: Database, home: Path) -> None:
    await add_owner(database)
    project = await Projects(database).create(OWNER, "Test", "react-vite")
    store = FragmentStore(database, home / "repositories")
    bodies = {f"f{n}": b"x" * n for n in range(50)}
    files = [Write(path, data) for path, data in bodies.items()]
    link = Write("link", b"f1", 0o120000)
    described = Describe("template", "Start", version=True)
    made = await store.initialise(project.key, [*files, link], described)
    tree = await store.tree(project.key, made.tree)
    digests = Digests(store)

    found = await digests.of(project.key, tree.values())

    assert found == {hashlib.sha256(data).hexdigest(): blob(data) for data in bodies.values()}
    assert {tree[path].oid for path in bodies} == set(found.values())
    store.close()
    assert await digests.of(project.key, tree.values()) == found
