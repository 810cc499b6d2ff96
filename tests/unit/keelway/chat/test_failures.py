import pytest
from pydantic_ai import exceptions as ai

from keelway.chat.failures import explain
from keelway.errors import Unavailable


def http(status: int, kind: type[ai.ModelAPIError] | None = None, **more: float) -> Exception:
    return ai.ModelHTTPError.for_category(
        kind,  # pyright: ignore[reportArgumentType]
        status_code=status,
        model_name="m",
        **more,  # pyright: ignore[reportArgumentType]
    )


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (http(401, ai.ModelAuthenticationError), "ModelKeyRefused"),
        (http(402, ai.ModelQuotaExceededError), "ModelQuota"),
        (http(429, ai.ModelRateLimitError), "ModelBusy"),
        (http(503, ai.ModelUnavailableError), "ModelUnavailable"),
        (http(418), "ModelFailed"),
        (ai.ModelConnectionError("m", "no route"), "ModelUnreachable"),
        (ai.UsageLimitExceeded("100"), "TurnLimit"),
        (ai.RunTimedOut("late"), "TurnLimit"),
        (ai.UnexpectedModelBehavior("again"), "ModelConfused"),
        (Unavailable("The machine is gone.", code="SandboxGone"), "SandboxGone"),
        (ZeroDivisionError("secret detail"), "InternalError"),
    ],
)
def test_every_end_has_a_code_and_one_sentence(error: Exception, code: str) -> None:
    failure = explain(error, "OpenRouter", 1)
    assert failure.code == code
    assert failure.message.endswith(".")
    assert "secret" not in failure.message


def test_only_what_may_pass_is_tried_again_and_three_times_at_most() -> None:
    busy = http(429, ai.ModelRateLimitError)
    assert [explain(busy, "X", tries).wait for tries in (1, 2, 3)] == [1.0, 2.0, None]
    assert explain(http(401, ai.ModelAuthenticationError), "X", 1).wait is None
    assert explain(http(400), "X", 1).wait is None
    assert explain(http(408), "X", 1).wait == 1.0
    assert explain(ZeroDivisionError(), "X", 1).wait is None


def test_a_provider_says_how_long_to_wait_within_reason() -> None:
    assert explain(http(429, ai.ModelRateLimitError, retry_after=7.5), "X", 1).wait == 7.5
    assert explain(http(429, ai.ModelRateLimitError, retry_after=3600), "X", 1).wait is None
