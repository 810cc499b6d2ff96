from keelway.errors import Conflict, Forbidden, Invalid, KeelwayError, NotFound, Unavailable


class TreeFallen(KeelwayError):
    """A family."""


class TreeGone(TreeFallen, NotFound):
    """A leaf: a family and a kind."""


def test_a_leaf_is_its_family_for_code_and_its_kind_for_http() -> None:
    error = TreeGone("No such tree.", tree="oak")
    assert isinstance(error, TreeFallen)
    assert (error.status, error.code, error.message) == (404, "TreeGone", "No such tree.")
    assert error.context == {"tree": "oak"}


def test_only_what_may_be_tried_again_says_so() -> None:
    kinds = (NotFound, Forbidden, Invalid, Conflict, Unavailable)
    assert [kind.status for kind in kinds] == [404, 403, 422, 409, 503]
    assert [kind for kind in kinds if kind.retryable] == [Unavailable]


def test_a_code_may_be_more_precise_than_the_class() -> None:
    assert Invalid("Say something.", code="NothingSaid").code == "NothingSaid"
