import pytest

from sandboxd.egress.budget import Budget, BudgetSpent


def test_a_budget_is_spent_and_comes_back() -> None:
    now = [0.0]
    budget = Budget(lambda: now[0], limit=10, seconds=60)
    budget.spend(10)
    with pytest.raises(BudgetSpent):
        budget.spend(1)
    now[0] = 61
    budget.spend(10)
    with pytest.raises(BudgetSpent):
        budget.spend(1)
