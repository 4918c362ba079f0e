"""The order in which things that are made of each other can be computed (topological order)."""

from collections.abc import Collection, Mapping
from graphlib import CycleError, TopologicalSorter

from counterfoil.errors import refusal


def in_order_of_dependence(references: Mapping[str, Collection[str]], where: str = "quantities") -> tuple[str, ...]:
    """Return names so that each stands after those that it refers to, and otherwise in their own order.

    Parameters
    ----------
    references : mapping of str to collection of str
        Name to the names that it refers to; those that are no key are left to others.
    where : str
        Section of the contract, for a message.

    Raises
    ------
    ContractError
        CONTRACT-020 when names refer to each other in a circle.

    Examples
    --------
    >>> in_order_of_dependence({"rate": ["restored", "exits"], "restored": [], "exits": []})
    ('restored', 'exits', 'rate')
    """
    known = {name: [other for other in others if other in references] for name, others in references.items()}
    try:
        return tuple(TopologicalSorter(known).static_order())
    except CycleError as error:
        circle = " -> ".join(reversed(error.args[1]))
        raise refusal("CONTRACT-020", f"these refer to each other in a circle: {circle}", where) from None
