"""``spec.budget``: limits for the tokens and the cost of runs."""

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
            "is not an amount of money",
            'write a decimal in quotes, without a currency, with at most six places, for example "12.50"',
        ),
        not_matching(r"0+(\.0+)?", "is zero, so no run could start", 'write more than 0, for example "12.50"'),
    ),
]
"""An amount of money, as an exact decimal."""

Window = Annotated[
    str,
    Field(max_length=64),
    Rules(
        matching(
            r"day|week|month|([1-9]|[12][0-9]|3[01])d|([1-9][0-9]?|[1-6][0-9]{2}|7[0-3][0-9]|74[0-4])h",
            "is not a valid window",
            "write day, week or month, or a rolling time from 1h to 31d (744h), for example 36h or 7d",
        ),
    ),
]
"""Period over which usage is summed."""

_SUMMED: Final = Rules(
    Rule(
        problem="is missing, and maxTokens and maxCost require it",
        remedy="add it, for example window: month; limits of a single run are maxTokensPerRun and maxCostPerRun",
        holds=lambda budget: budget.window is not None or (budget.max_tokens is None and budget.max_cost is None),
        cel="has(self.window) || (!has(self.maxTokens) && !has(self.maxCost))",
        field="window",
        reason="FieldValueRequired",
    ),
    Rule(
        problem="has no effect, because limits of a single run need no window",
        remedy="leave it out, or add maxTokens or maxCost, for example maxTokens: 5000000",
        holds=lambda budget: budget.window is None or budget.max_tokens is not None or budget.max_cost is not None,
        cel="!has(self.window) || has(self.maxTokens) || has(self.maxCost)",
        field="window",
        reason="FieldValueForbidden",
    ),
)


class Budget(Asked):
    """Limits for the tokens and the cost of runs. With a budget, the runner counts tokens exactly if the server can
    replay the stream of a run. Otherwise it counts a lower bound from the messages of the thread. An empty budget
    counts tokens without a limit."""

    rules: ClassVar[Rules] = _SUMMED

    max_tokens_per_run: Tokens | None = None
    """Maximum number of input and output tokens of a run. The runner cancels a run on the server when it exceeds the
    limit. All attempts of a run count together. For example 200000. Default: no limit."""
    max_cost_per_run: Money | None = None
    """Maximum cost of a run: a quoted decimal in the currency of the operator's prices, such as `"0.50"`. Otherwise
    like `maxTokensPerRun`. Requires prices in the operator's settings. Default: no limit."""
    max_tokens: Tokens | None = None
    """Maximum number of tokens of all runs in a `window`. When they are used up, runs are skipped until the window
    ends. Active runs continue, so the total can exceed the limit. For example 5000000. Default: no limit."""
    max_cost: Money | None = None
    """Maximum cost of all runs in a `window`: a quoted decimal in the currency of the operator's prices, such as
    `"12.50"`. Otherwise like `maxTokens`. Requires prices in the operator's settings. Default: no limit."""
    window: Window | None = None
    """Period over which `maxTokens` and `maxCost` are counted: a calendar `day`, `week` (from Monday) or `month` in the
    time zone of the schedule, or a rolling window in hours or days from `1h` to `31d`, such as `36h`. Required with
    `maxTokens` or `maxCost`, and valid only with them."""
