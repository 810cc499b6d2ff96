import uuid

from keelway.ids import new_id


def test_ids_are_random_uuids_that_never_repeat() -> None:
    ids = {new_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(uuid.UUID(one).version == 4 for one in ids)
