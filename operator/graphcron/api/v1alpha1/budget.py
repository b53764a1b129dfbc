"""``spec.budget``: what runs may use, in tokens and in money."""

from typing import Annotated, ClassVar, Final

from pydantic import Field

from graphcron.api.v1alpha1.base import Asked
from graphcron.api.v1alpha1.validation import Rule, Rules, matching, not_matching

Tokens = Annotated[int, Field(ge=1, le=1_000_000_000_000)]
"""A number of tokens."""

Money = Annotated[
    str,
    Field(max_length=64),
    Rules(
        matching(
            r"[0-9]{1,9}(\.[0-9]{1,6})?",
            "is no amount of money",
            'write a decimal in quotes, without a currency, with at most six places, for example "12.50"',
        ),
        not_matching(r"0+(\.0+)?", "is nothing, so no run could start", 'write more than 0, for example "12.50"'),
    ),
]
"""An amount of money, as an exact decimal."""

Window = Annotated[
    str,
    Field(max_length=64),
    Rules(
        matching(
            r"day|week|month|([1-9]|[12][0-9]|3[01])d|([1-9][0-9]?|[1-6][0-9]{2}|7[0-3][0-9]|74[0-4])h",
            "is no window",
            "write day, week or month, or a rolling time from 1h to 31d (744h), for example 36h or 7d",
        ),
    ),
]
"""A stretch of time over which is summed."""

_SUMMED: Final = Rules(
    Rule(
        problem="is missing, and maxTokens and maxCost are summed over it",
        remedy="add it, for example window: month; limits of a single run are maxTokensPerRun and maxCostPerRun",
        holds=lambda budget: budget.window is not None or (budget.max_tokens is None and budget.max_cost is None),
        cel="has(self.window) || (!has(self.maxTokens) && !has(self.maxCost))",
        field="window",
        reason="FieldValueRequired",
    ),
    Rule(
        problem="has nothing to sum, since limits of a single run need no window",
        remedy="leave it out, or add maxTokens or maxCost, for example maxTokens: 5000000",
        holds=lambda budget: budget.window is None or budget.max_tokens is not None or budget.max_cost is not None,
        cel="!has(self.window) || has(self.maxTokens) || has(self.maxCost)",
        field="window",
        reason="FieldValueForbidden",
    ),
)


class Budget(Asked):
    """What runs may use. With a budget, tokens are counted exactly where the server lets a run's stream be read again;
    elsewhere at least those are counted that the thread's messages tell of. An empty one counts and limits nothing."""

    rules: ClassVar[Rules] = _SUMMED

    max_tokens_per_run: Tokens | None = None
    """Most tokens, in and out, that one run may use; it is cancelled on the server as soon as it has used more. All
    attempts of a run count together. For example 200000. Default: no limit."""
    max_cost_per_run: Money | None = None
    """Like `maxTokensPerRun`, in money: a decimal in quotes, in the currency of the operator's prices, such as
    `"0.50"`. Needs prices in the operator's settings. Default: no limit."""
    max_tokens: Tokens | None = None
    """Most tokens that all runs of a `window` may use together: once so many are used, runs are skipped until it has
    turned. A run that is under way then goes on, so the sum may end above it. For example 5000000. Default: no
    limit."""
    max_cost: Money | None = None
    """Like `maxTokens`, in money: a decimal in quotes, in the currency of the operator's prices, such as `"12.50"`.
    Needs prices in the operator's settings. Default: no limit."""
    window: Window | None = None
    """Over which time `maxTokens` and `maxCost` are summed: a calendar `day`, `week` (from Monday) or `month` in the
    zone of the schedule, or a rolling time in hours or days, from `1h` to `31d`, such as `36h`. Needed with either of
    the two, and only with them."""
