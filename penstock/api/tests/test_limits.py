import pytest

from penstock.api.errors import RateLimited
from penstock.api.limits import RateLimiter
from penstock.api.operation import UNSTATED_LIMIT
from penstock.kit.clock import ManualClock
from penstock.resources.destinations import create_destination, create_destination_subscription


def test_a_stated_limit_is_kept_per_token_until_its_window_ends():
    clock = ManualClock()
    limiter = RateLimiter(clock, 1.0)
    for used in range(1, 6):
        headers = limiter.take("a", create_destination_subscription)
        assert (headers["X-RateLimit-Consumed"], headers["X-RateLimit-Remaining"]) == (str(used), str(5 - used))
    clock.advance(10.5)
    with pytest.raises(RateLimited) as refused:
        limiter.take("a", create_destination_subscription)
    assert refused.value.headers["Retry-After"] == "50"
    assert refused.value.problems[0].data == {"remainingPoints": 0, "msBeforeNext": 49500, "consumedPoints": 5}
    limiter.take("b", create_destination_subscription)
    clock.advance(49.5)
    limiter.take("a", create_destination_subscription)


def test_the_factor_widens_the_limit_and_zero_lifts_it():
    wide, none = RateLimiter(ManualClock(), 2.0), RateLimiter(ManualClock(), 0.0)
    for _ in range(10):
        wide.take("a", create_destination_subscription)
        none.take("a", create_destination_subscription)
    with pytest.raises(RateLimited):
        wide.take("a", create_destination_subscription)
    assert none.take("a", create_destination_subscription) == {}


def test_an_operation_without_a_stated_limit_has_a_generous_one():
    limiter = RateLimiter(ManualClock(), 1.0)
    for _ in range(UNSTATED_LIMIT.requests):
        limiter.take("a", create_destination)
    with pytest.raises(RateLimited):
        limiter.take("a", create_destination)
    limiter.take("a", create_destination_subscription)
