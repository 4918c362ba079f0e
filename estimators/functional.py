"""A rule applied to a surface: for each person and provider, Σ_b κ_j(b; A_i) m(b, X_i), and its Riesz weight.

With basis rows B_i, the functional of row j is M_ij′β. On the regression path its Riesz weight is
α_ij = B_i′ (B′B/n)⁻¹ mean(M_j) (automatic debiasing: Chernozhukov, Newey and Singh 2022); on the augmented path it is
α_ij = Σ_{a′ ⊇ A_i} κ̄_j(A_i; a′, X_i) π_{a′}(X_i) / π_{A_i}(X_i).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from counterfoil.datasets.roster import Roster
from counterfoil.errors import Problem, listed, refusal
from counterfoil.estimators.kernel import LARGEST_PATTERN, FloatArray, GrandTotal, Kernel, membership
from counterfoil.estimators.surface import Surface


@dataclass(frozen=True, slots=True, eq=False)
class Applied:
    """What a kernel makes of a surface.

    ``fixed`` (n, m) is Σ_b κ m(b, X); ``riesz`` (n, m) multiplies the residual; ``direction`` (m, p) is the combination
    of the regression path's coefficients; ``own`` (n, m) is κ_j(A_i; A_i), the weight of a person's own outcome.
    """

    fixed: FloatArray
    riesz: FloatArray
    direction: FloatArray | None
    own: FloatArray
    warnings: tuple[Problem, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """People whose services are cut alike: who they are, their providers, and the rows of the result these fill."""

    people: NDArray[np.intp]
    members: tuple[int, ...]
    rows: NDArray[np.intp]
    record: FloatArray | None


def apply_kernel(surface: Surface, roster: Roster, kernel: Kernel, everyone: bool) -> Applied:
    """Apply a rule to a fitted surface.

    Raises
    ------
    IdentificationError
        IDENT-002, IDENT-003 or IDENT-004 when the data do not determine the credits.
    AttributionError
        ATTR-002 or ATTR-003 without the doses that the rule needs, ATTR-004 for a person with too many providers.
    """
    _check_record(roster, kernel, everyone)
    n, modifiers = surface.modifiers.shape
    size = 1 if isinstance(kernel, GrandTotal) else len(roster.providers)
    groups = list(groups_of(surface, roster, kernel, everyone))
    missing = _missing(surface, kernel, groups)
    _refuse_missing(surface, roster, missing)
    coefficients = np.zeros(surface.design.shape[1])
    coefficients[surface.fit.kept] = surface.fit.coefficients
    first = surface.controls.shape[1]
    slopes = coefficients[first:].reshape(len(surface.terms), modifiers)
    fixed, own = np.zeros((n, size)), np.zeros((n, size))
    mean = np.zeros((size, len(surface.terms), modifiers))
    for group in groups:
        columns, table = _table(surface, kernel, group)
        h, w = surface.modifiers[group.people], surface.weights[group.people]
        own[np.ix_(group.people, group.rows)] = _own(kernel, group)
        by_term = np.einsum("ih,th->it", h, slopes[columns])
        if table.ndim == 2:
            fixed[np.ix_(group.people, group.rows)] = by_term @ table.T
            mean[np.ix_(group.rows, columns)] += table[:, :, None] * (w @ h)
        else:
            fixed[np.ix_(group.people, group.rows)] = np.einsum("ijt,it->ij", table, by_term)
            mean[np.ix_(group.rows, columns)] += np.einsum("ijt,ih->jth", table, w[:, None] * h)
    row = np.hstack([np.zeros((size, first)), mean.reshape(size, -1) / n])
    _refuse_inestimable(surface, roster, kernel, row)
    warnings = _extrapolation(surface, roster, missing)
    if surface.propensity is not None:
        return Applied(fixed, _augmented_riesz(surface, kernel, groups, size), None, own, warnings)
    short = row[:, surface.fit.kept]
    riesz = n * (surface.design[:, surface.fit.kept] @ (surface.fit.bread @ short.T))
    return Applied(fixed, riesz, short, own, warnings)


def side_by_side(one: Applied, other: Applied) -> Applied:
    """Return two results of the same surface as one."""
    directions = None
    if one.direction is not None and other.direction is not None:
        directions = np.vstack([one.direction, other.direction])
    warnings = tuple(dict.fromkeys((*one.warnings, *other.warnings)))
    own = np.hstack([one.own, other.own])
    return Applied(np.hstack([one.fixed, other.fixed]), np.hstack([one.riesz, other.riesz]), directions, own, warnings)


def _check_record(roster: Roster, kernel: Kernel, everyone: bool) -> None:
    if not kernel.needs:
        return
    if everyone:
        raise refusal("ATTR-003", f"rule {kernel.name} divides by {kernel.needs}")
    if (roster.dose if kernel.needs == "dose" else roster.start) is None:
        what = f"rule {kernel.name} looks at '{kernel.needs}', and the services table has no such column"
        raise refusal("ATTR-002", what)


def _record(roster: Roster, kernel: Kernel, people: NDArray[np.intp], members: tuple[int, ...]) -> FloatArray | None:
    """Return what a rule asks of a group's people: doses or start days, shape (n_group, n_members)."""
    table = {"dose": roster.dose, "start": roster.start}.get(kernel.needs)
    if table is None:
        return None
    record = table[people][:, members]
    if np.isnan(record).any():
        missing = int(np.isnan(record).any(axis=1).sum())
        raise refusal("ATTR-002", f"rule {kernel.name} looks at '{kernel.needs}', which is blank for {missing} people")
    return record


def groups_of(surface: Surface, roster: Roster, kernel: Kernel, everyone: bool) -> Iterator[Group]:
    """Yield people by pattern, or everybody with every provider under scope everyone."""
    n, players = roster.exposure.shape

    def rows(members: tuple[int, ...]) -> NDArray[np.intp]:
        filled = (0,) if isinstance(kernel, GrandTotal) else range(players) if kernel.everybody else members
        return np.array(filled, dtype=np.intp)

    if everyone:
        members = tuple(range(players))
        yield Group(np.arange(n), members, rows(members), None)
        return
    order = np.argsort(surface.pattern, kind="stable")
    bounds = np.cumsum(np.bincount(surface.pattern, minlength=len(surface.patterns)))
    for index, row in enumerate(surface.patterns):
        members = tuple(int(j) for j in np.flatnonzero(row))
        if members:
            people = order[(bounds[index - 1] if index else 0) : bounds[index]]
            yield Group(people, members, rows(members), _record(roster, kernel, people, members))


def _local(term: tuple[int, ...], members: tuple[int, ...]) -> int:
    return sum(1 << members.index(j) for j in term)


def _sets(members: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Return every coalition of the members as a tuple of providers, in the order of local bitmasks."""
    return [tuple(np.array(members)[row].tolist()) for row in membership(len(members))]


def _table(surface: Surface, kernel: Kernel, group: Group) -> tuple[NDArray[np.intp], FloatArray]:
    """Return the terms that matter to a group and their weights, (rows, terms) or (people, rows, terms)."""
    if not surface.saturated:
        inside = set(group.members)
        columns = [position for position, term in enumerate(surface.terms) if inside.issuperset(term)]
        subsets = np.array([_local(surface.terms[position], group.members) for position in columns], dtype=np.intp)
        return np.array(columns, dtype=np.intp), kernel.dividend_shares(group.members, subsets, group.record)
    position_of = {term: position for position, term in enumerate(surface.terms)}
    sets = _sets(group.members)
    there = [mask for mask, term in enumerate(sets) if term in position_of]
    columns = [position_of[sets[mask]] for mask in there]
    return np.array(columns, dtype=np.intp), kernel.weights(group.members, group.record)[..., there]


def _own(kernel: Kernel, group: Group) -> FloatArray:
    """Return κ_j(a; a) of a group, (rows,) or (people, rows): every dividend of all of a person's providers, added up."""
    if len(group.members) <= LARGEST_PATTERN:
        return kernel.weights(group.members, group.record)[..., -1]
    # κ_j(a; a) = λ_j(a; a): only the largest coalition contains all of a.
    everything = np.array([(1 << len(group.members)) - 1], dtype=np.intp)
    return kernel.dividend_shares(group.members, everything, group.record)[..., 0]


def needed(kernel: Kernel, group: Group) -> list[tuple[int, ...]]:
    """Return the coalitions that a rule compares a group with."""
    weights = np.abs(kernel.weights(group.members, group.record))
    used = weights.reshape(-1, weights.shape[-1]).max(axis=0, initial=0.0) > 0
    return [term for term, asked in zip(_sets(group.members), used.tolist(), strict=True) if asked]


def _missing(surface: Surface, kernel: Kernel, groups: list[Group]) -> dict[tuple[int, ...], int]:
    """Return the coalitions that the rule compares with and nobody had, with how many people they concern."""
    observed = {tuple(np.flatnonzero(row).tolist()) for row in surface.patterns}
    missing: dict[tuple[int, ...], int] = {}
    for group in groups:
        if len(group.members) > LARGEST_PATTERN:
            if surface.saturated:
                raise refusal("ATTR-004", f"somebody has {len(group.members)} providers, more than {LARGEST_PATTERN}")
            continue
        for term in needed(kernel, group):
            if term not in observed:
                missing[term] = missing.get(term, 0) + len(group.people)
    return missing


def _refuse_missing(surface: Surface, roster: Roster, missing: dict[tuple[int, ...], int]) -> None:
    if not surface.saturated or not missing:
        return
    if () in missing:
        raise refusal("IDENT-004", "everybody in the study was served", "services")
    names = [_name(term, roster) for term in missing]
    raise refusal("IDENT-002", f"nobody had exactly: {listed(names)}", "services")


def _refuse_inestimable(surface: Surface, roster: Roster, kernel: Kernel, row: FloatArray) -> None:
    known = surface.fit.estimable(row)
    if known.all():
        return
    served = roster.exposure.any(axis=1).all()
    if served and not isinstance(kernel, GrandTotal) and (roster.exposure.all(axis=0) & ~known).any():
        everywhere = [roster.providers[j] for j in np.flatnonzero(roster.exposure.all(axis=0))]
        raise refusal("IDENT-004", f"everybody was served by {listed(everywhere)}", "services")
    if isinstance(kernel, GrandTotal):
        raise refusal(
            "IDENT-004" if served else "IDENT-003", "the total gain is not determined by the data", "services"
        )
    names = [roster.providers[j] for j in np.flatnonzero(~known)]
    raise refusal("IDENT-003", f"the data do not separate the credits of {listed(names)}", "services")


def _extrapolation(surface: Surface, roster: Roster, missing: dict[tuple[int, ...], int]) -> tuple[Problem, ...]:
    if surface.saturated or not missing:
        return ()
    worst = sorted(missing, key=lambda term: (-missing[term], term))
    what = f"{len(missing)} combinations that nobody had are filled in by the model: "
    return (Problem("IDENT-009", what + listed([_name(term, roster) for term in worst]), "services"),)


def _name(term: tuple[int, ...], roster: Roster) -> str:
    return " + ".join(roster.providers[j] for j in term) or "no provider at all"


def _augmented_riesz(surface: Surface, kernel: Kernel, groups: list[Group], size: int) -> FloatArray:
    """Return α (n, size) of the augmented path.

    Weights that depend on doses are averaged over people like X within the larger pattern: somebody with the smaller
    pattern has no doses for it.
    """
    if surface.propensity is None:
        raise ValueError("the augmented path needs propensities")
    riesz = np.zeros((len(surface.weights), size))
    position = {tuple(np.flatnonzero(row).tolist()): index for index, row in enumerate(surface.patterns)}
    people_of = [np.flatnonzero(surface.pattern == index) for index in range(len(surface.patterns))]
    for group in groups:
        chance = surface.propensity[:, position[group.members]]
        weights = kernel.weights(group.members, group.record)
        for mask, term in enumerate(_sets(group.members)):
            own = position.get(term)
            if own is None or not np.any(weights[..., mask]):
                continue
            people = people_of[own]
            ratio = chance[people] / surface.propensity[people, own]
            table = weights[..., mask]
            if weights.ndim == 3:
                riesz[np.ix_(people, group.rows)] += _averaged(surface, group.people, table, people) * ratio[:, None]
            else:
                riesz[np.ix_(people, group.rows)] += table * ratio[:, None]
    return riesz


def _averaged(surface: Surface, among: NDArray[np.intp], table: FloatArray, people: NDArray[np.intp]) -> FloatArray:
    """Return the mean of ``table`` (n_among, rows) for people like each of ``people``: a line through the group's mean.

    The line is through the mean, and of least slope where the group is small, so that weights which sum to a constant
    still do.
    """
    weights = surface.weights[among]
    x, centre = surface.controls[among, 1:], np.average(surface.controls[among, 1:], axis=0, weights=weights)
    mean = np.average(table, axis=0, weights=weights)
    root = np.sqrt(weights)[:, None]
    slope = np.linalg.lstsq(root * (x - centre), root * (table - mean), rcond=None)[0]
    return np.asarray(mean + (surface.controls[people, 1:] - centre) @ slope)
