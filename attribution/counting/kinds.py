"""All kinds of quantity, and one function that counts any of them."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final

from pydantic import Field

from counterfoil.attribution.counting.breadth import Breadth, count_breadth
from counterfoil.attribution.counting.dependence import in_order_of_dependence
from counterfoil.attribution.counting.event_count import Count, count_events
from counterfoil.attribution.counting.ladder import Ladder, count_ladder
from counterfoil.attribution.counting.net import Net, count_net
from counterfoil.attribution.counting.period import Period
from counterfoil.attribution.counting.quantity import Quantity
from counterfoil.attribution.counting.ratio import Ratio, count_ratio
from counterfoil.attribution.counting.reported import Reported
from counterfoil.attribution.counting.stock import Stock, count_stock
from counterfoil.datasets import Study
from counterfoil.errors import refusal

Counted = Annotated[Reported | Count | Ladder | Breadth | Stock | Net | Ratio, Field(discriminator="kind")]

FROM_CLAIMS: Final[dict[type, Callable[[Any, Study, Mapping[str, Period]], Quantity]]] = {
    Count: count_events,
    Ladder: count_ladder,
    Breadth: count_breadth,
    Stock: count_stock,
}
"""The kinds that are counted from people's claims."""


def count(
    spec: Counted, name: str, study: Study | None, periods: Mapping[str, Period], others: Mapping[str, Quantity]
) -> Quantity:
    """Return a quantity of any kind.

    Parameters
    ----------
    spec : Counted
        What is counted.
    name : str
        What the quantity is called in the contract.
    study : Study or None
        With a claims table; None where everything is reported.
    periods : mapping of str to Period
        In order.
    others : mapping of str to Quantity
        Quantities counted before: those that the spec refers to, and, for a reported one, itself.

    Raises
    ------
    DataError
        DATA-019 when people's claims are needed and there is no study.
    """
    if isinstance(spec, Reported):
        return others[name]
    if isinstance(spec, Net):
        return count_net(spec, others)
    if isinstance(spec, Ratio):
        return count_ratio(spec, others)
    if study is None:
        raise refusal("DATA-019", f"quantity '{name}' is counted from people's claims, and there is no study", name)
    return FROM_CLAIMS[type(spec)](spec, study, periods)


def in_order(specs: Mapping[str, Counted]) -> tuple[str, ...]:
    """Return the names of quantities so that each stands after those that it is made of.

    Raises
    ------
    ContractError
        CONTRACT-020 when they refer to each other in a circle.

    Examples
    --------
    >>> in_order({"net": Net(of=("gross",)), "gross": Reported()})
    ('gross', 'net')
    """
    return in_order_of_dependence({name: spec.refers_to for name, spec in specs.items()})


def rungs_of(spec: Counted) -> tuple[str, ...] | None:
    """Return the rungs by which a quantity is told apart; None where it may have any, or has none of its own.

    Examples
    --------
    >>> rungs_of(Breadth(metrics=("reading", "writing"), at_least=(1, 2))), rungs_of(Net(of=("gross",)))
    (('1', '2'), None)
    """
    match spec:
        case Ladder():
            return tuple(spec.rungs)
        case Breadth():
            return tuple(str(least) for least in spec.at_least)
        case Net() | Ratio():
            return None
        case Reported():
            return spec.rungs
        case _:
            return ()
