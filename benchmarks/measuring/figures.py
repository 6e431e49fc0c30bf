"""From rounds to figures: medians, ratios of the same round, and what the gate costs."""

from collections.abc import Sequence
from typing import Any

from benchmarks.measuring.contenders import OURS, Contender
from benchmarks.measuring.spread import spread

GATED, OPEN = "/gated", "/open"
# Requests per second of one round, by contender's name and path.
Round = dict[str, dict[str, float]]


def figures(
    rounds: Sequence[Round], contenders: Sequence[Contender], *, load_share: float
) -> dict[str, Any]:
    """Return all figures as JSON has them."""
    return {
        "rounds": list(rounds),
        "highest_load_share": round(load_share, 3),
        "contenders": {each.name: _contender(rounds, each.name) for each in contenders},
        "ratios": {
            each.name: spread([one[OURS.name][GATED] / one[each.name][GATED] for one in rounds])
            for each in contenders
            if each != OURS
        },
        "of_own_open_view": spread(
            [one[OURS.name][GATED] / one[OURS.name][OPEN] for one in rounds]
        ),
    }


def table(result: dict[str, Any]) -> str:
    """Return the figures for a person to read."""
    lines = [
        f"{'requests/s (median of rounds)':<32}{'gated':>9}{'open':>9}{'min':>9}{'max':>9}{'gate costs':>13}"
    ]
    for name, row in result["contenders"].items():
        gated = row["gated"]
        lines.append(
            f"{name:<32}{gated['median']:>9.0f}{row['open']['median']:>9.0f}{gated['min']:>9.0f}{gated['max']:>9.0f}"
            f"{row['gate_cost_us']['median']:>10.0f} us"
        )
    lines.append("")
    for name, ratio in result["ratios"].items():
        lines.append(
            f"ours / {name:<24} {ratio['median']:.2f}  (rounds: {ratio['min']:.2f} to "
            f"{ratio['max']:.2f})"
        )
    own = result["of_own_open_view"]
    lines.append(
        f"ours gated / ours open          {own['median']:.2f}  (rounds: {own['min']:.2f} to "
        f"{own['max']:.2f})"
    )
    if result["highest_load_share"]:
        lines.append(f"\nThe load used at most {result['highest_load_share']:.0%} of its own core.")
    return "\n".join(lines)


def _contender(rounds: Sequence[Round], name: str) -> dict[str, Any]:
    gated, ungated = [one[name][GATED] for one in rounds], [one[name][OPEN] for one in rounds]
    costs = [1e6 / slow - 1e6 / fast for slow, fast in zip(gated, ungated, strict=True)]
    return {"gated": spread(gated), "open": spread(ungated), "gate_cost_us": spread(costs)}
