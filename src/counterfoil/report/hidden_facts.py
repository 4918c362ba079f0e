"""What the report says of causes that nobody measured: what one as strong as each covariate could do to the gain and the money."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from counterfoil.evaluation import Evaluation


def hidden(evaluation: "Evaluation") -> dict[str, Any] | None:
    """Return a row a covariate, and sentences on what flips; None where no effect that is paid for can be asked."""
    found = evaluation.hidden_causes()
    if found is None:
        return None

    def money(amount: Any) -> str:
        return "cannot be settled" if amount is None else f"{amount:,}"

    several = len({move.effect for move in found.moves}) > 1
    rows = [
        (
            f"{move.covariate} ({move.effect})" if several else move.covariate,
            f"{move.gain_low:,.4g} to {move.gain_high:,.4g}" if move.bias else "no yardstick",
            money(move.payment_low) if move.bias else "",
            money(move.payment_high) if move.bias else "",
        )
        for move in found.moves
    ]
    whole = [
        f"To take the gain on {effect} away, a cause would have to explain {strength:.1%} of what is left of the outcome's variation "
        f"and of who was treated; to take its 95% interval to zero, {firm:.1%}"
        for effect, (strength, firm) in found.strengths.items()
    ]
    left = [f"{effect}: {why}" for effect, why in found.left_out.items()]
    return {"rows": rows, "lines": [*whole, *found.flip_lines(), *left]}
