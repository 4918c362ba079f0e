"""What hidden causes could do to what is due: the moves of the payment, what flips, and how to say and to draw them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, Literal

import numpy as np
import pandas as pd

from counterfoil.attribution.money.amounts import add
from counterfoil.datasets.display import titled_table
from counterfoil.estimators.axes import axes_of
from counterfoil.estimators.palette import GAIN, LOSS, WHOLE
from counterfoil.estimators.sensitivity.order_flips import OrderFlip
from counterfoil.estimators.sensitivity.strength import as_strong_as

APART: Final = 0.04
"""Part of a picture's width within which two marks share a label."""
PAIRS_SAID: Final = 3
"""Pairs of providers, the most fragile first, of which a sentence is made."""


@dataclass(frozen=True, slots=True)
class Move:
    """What a confounder so many times as strong as a covariate could do to a gain and to everything that is due.

    Parameters
    ----------
    effect, covariate : str
    multiple : float
    r2_outcome, r2_treatment : float
        What it would explain of the outcome's residual variance, and add to the variation of the weights.
    bias : float
        The largest shift of the gain, in the outcome's units.
    gain, gain_low, gain_high : float
        As measured, and at either end; oriented so that higher is better.
    payment_low, payment_high : Decimal or None
        Everything that is due at the lower and at the higher gain; None where it could then not be settled.
    """

    effect: str
    covariate: str
    multiple: float
    r2_outcome: float
    r2_treatment: float
    bias: float
    gain: float
    gain_low: float
    gain_high: float
    payment_low: Decimal | None
    payment_high: Decimal | None


@dataclass(frozen=True, slots=True)
class ShareMove:
    """What such a confounder could do to what one provider receives, with the total as it is and the others in proportion.

    Parameters
    ----------
    effect, provider, covariate : str
    multiple : float
    share, share_low, share_high : float
        Fractions of the gain.
    payment, payment_low, payment_high : Decimal or None
    """

    effect: str
    provider: str
    covariate: str
    multiple: float
    share: float
    share_low: float
    share_high: float
    payment: Decimal
    payment_low: Decimal | None
    payment_high: Decimal | None


@dataclass(frozen=True, slots=True)
class Flip:
    """A gate, tier or condition that would turn, and how strong a confounder would have to be for that.

    Parameters
    ----------
    effect, clause, kind : str
    threshold : Decimal
        In the unit of the gain, oriented so that higher is better.
    direction : {"down", "up"}
        Whether the gain would have to be lower or higher.
    strength : float
        In both parts of variance.
    covariate : str or None
        Of which the smallest multiple would do; None without one that matters.
    multiple : float or None
    change : Decimal or None
        By how much everything that is due would change.
    """

    effect: str
    clause: str
    kind: str
    threshold: Decimal
    direction: Literal["down", "up"]
    strength: float
    covariate: str | None
    multiple: float | None
    change: Decimal | None


@dataclass(frozen=True, slots=True)
class Curve:
    """Everything that is due against the strength of a confounder, the same in both parts of variance, for one effect."""

    effect: str
    strengths: tuple[float, ...]
    low: tuple[Decimal | None, ...]
    high: tuple[Decimal | None, ...]
    marks: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True, eq=False)
class PaymentSensitivity:
    """What hidden causes could do to what is due.

    Parameters
    ----------
    currency : str
    due : Decimal
        Everything that is due as measured.
    moves : tuple of Move
        For each effect, covariate and multiple.
    share_moves : tuple of ShareMove
    flips : tuple of Flip
    orders : tuple of (str, OrderFlip)
        Effect, and a pair of its providers, the most fragile first.
    strengths : mapping of str to (float, float)
        Effect to the strengths that bring its gain, and its interval, to nothing.
    curves : tuple of Curve
    left_out : mapping of str to str
        Effect that is paid for to why nothing is said of it, or of a part of it.
    """

    currency: str
    due: Decimal
    moves: tuple[Move, ...]
    share_moves: tuple[ShareMove, ...]
    flips: tuple[Flip, ...]
    orders: tuple[tuple[str, OrderFlip], ...]
    strengths: Mapping[str, tuple[float, float]]
    curves: tuple[Curve, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)

    def tidy(self) -> pd.DataFrame:
        """Return one row an effect, covariate and multiple.

        Returns
        -------
        DataFrame
            Columns effect, covariate, multiple, r2_outcome, r2_treatment, bias, gain, gain_low, gain_high, payment,
            payment_low, payment_high, currency; money is Decimal.
        """
        return pd.DataFrame(self.to_records()["moves"], columns=[*_names(Move), "payment", "currency"])[
            [*_names(Move)[:-2], "payment", "payment_low", "payment_high", "currency"]
        ]

    def to_records(self) -> dict[str, Any]:
        """Return everything as plain data; money is Decimal."""
        beside = {"payment": self.due, "currency": self.currency}
        return {
            "moves": [{**_plain(move), **beside} for move in self.moves],
            "shares": [{**_plain(move), "currency": self.currency} for move in self.share_moves],
            "flips": [{**_plain(flip), "currency": self.currency} for flip in self.flips],
            "orders": [{"effect": effect, **_plain(pair)} for effect, pair in self.orders],
            "strengths": [
                {"effect": effect, "robustness": whole, "interval_robustness": firm}
                for effect, (whole, firm) in self.strengths.items()
            ],
            "left_out": dict(self.left_out),
        }

    def lines(self) -> list[str]:
        """Return what it comes to in sentences: moves of the payment, flips of gates, tiers and orders, and what is left out."""
        shares = self._of_shares() if self.share_moves else ()
        left = (f"{effect}: {why}" for effect, why in self.left_out.items())
        return [*self._of_moves(), *shares, *self.flip_lines(), *left]

    def flip_lines(self) -> list[str]:
        """Return what flips, and at which strength: gates, tiers, and the order of two providers."""
        said = list(self._of_flips())
        for effect in dict.fromkeys(effect for effect, _ in self.orders):
            said += [pair.sentence() for of, pair in self.orders if of == effect][:PAIRS_SAID]
        return said

    def _of_moves(self) -> Iterator[str]:
        least = min((move.multiple for move in self.moves), default=1.0)
        of = "{}: " if len({move.effect for move in self.moves}) > 1 else ""
        for move in self.moves:
            if move.multiple != least:
                continue
            like = "as" if move.multiple == 1 else f"{move.multiple:g} times as"
            whose = of.format(move.effect)
            who = f"{whose}a confounder {like} strong as {move.covariate}"
            if move.bias == 0:
                nothing = "who was served" if move.r2_treatment == 0 else "the outcome"
                yield (
                    f"{whose}{move.covariate} is no yardstick: once the other covariates are accounted for, it adds nothing to what "
                    f"tells {nothing}"
                )
                continue
            yield f"{who} could move the payment {self._by(move.payment_low, 'if the gain is really lower')}; {self._to(move.payment_high)}"

    def _by(self, there: Decimal | None, when: str) -> str:
        if there is None:
            return f"to where it cannot be settled, {when}"
        gap = add([there, -self.due])
        return f"by up to {abs(gap):,} {self.currency}, from {self.due:,} to {there:,} {self.currency}, {when}"

    def _to(self, there: Decimal | None) -> str:
        return (
            "if it is really higher, it cannot be settled" if there is None else f"to {there:,} if it is really higher"
        )

    def _of_flips(self) -> Iterator[str]:
        for flip in self.flips:
            like = (
                ""
                if flip.covariate is None or flip.multiple is None
                else f" ({as_strong_as(flip.covariate, flip.multiple)})"
            )
            what = f"the gate on {flip.effect}" if flip.kind == "gate" else f"the {flip.kind} at {flip.threshold:f}"
            change = (
                "" if flip.change is None else f", which would change the payment by {flip.change:+,} {self.currency}"
            )
            yield f"{flip.clause}: {what} flips at strength {flip.strength:.2g}{like}{change}"

    def _of_shares(self) -> Iterator[str]:
        least = min(move.multiple for move in self.share_moves)
        for move in self.share_moves:
            if move.multiple == least and move.payment_low is not None and move.payment_high is not None:
                like = "as" if move.multiple == 1 else f"{move.multiple:g} times as"
                yield (
                    f"a confounder {like} strong as {move.covariate} could bring what {move.provider} receives, "
                    f"{move.payment:,} {self.currency}, to between {move.payment_low:,} and {move.payment_high:,}, the total as it is"
                )

    def plot(self, effect: str | None = None, ax: Any = None) -> Any:
        """Draw the payment against the strength of a confounder, with covariates marked; return the matplotlib Axes.

        Parameters
        ----------
        effect : str, optional
            The first one when omitted.
        ax : matplotlib Axes, optional

        Raises
        ------
        TypeError
            When nothing is known of the effect.
        """
        found = [curve for curve in self.curves if effect in (None, curve.effect)]
        if not found:
            raise TypeError("no effect of the contract has a curve")
        curve, ax = found[0], axes_of(ax, 6.4, 4.2)
        for amounts, color, label in ((curve.low, LOSS, "gain really lower"), (curve.high, GAIN, "gain really higher")):
            money = [np.nan if amount is None else float(amount) for amount in amounts]
            ax.plot(curve.strengths, money, color=color, label=label)
        ax.axhline(float(self.due), color=WHOLE, linewidth=1, linestyle=":")
        for name, place in _apart(curve.marks, curve.strengths[-1]):
            ax.axvline(place, color="0.7", linewidth=1, zorder=0)
            above = ax.get_xaxis_transform()
            ax.annotate(name, (place, 1.0), xycoords=above, rotation=25, ha="left", va="bottom", fontsize=8)
        ax.set_xlabel("part of the outcome and of who was treated that it explains")
        ax.set_ylabel(f"due ({self.currency})")
        ax.set_title(f"What a hidden cause could do to the payment: {curve.effect}", fontsize=10, pad=26)
        ax.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        ax.legend(frameon=False, fontsize=9, loc="best")
        ax.spines[["top", "right"]].set_visible(False)
        return ax

    def __repr__(self) -> str:
        return "\n".join(self.lines() or [f"{self.due:,} {self.currency} is due; no confounder can be held against it"])

    def _repr_html_(self) -> str:
        return titled_table(self.tidy().astype(str), f"What a hidden cause could do to {self.due:,} {self.currency}")


def _apart(marks: Sequence[tuple[str, float]], limit: float) -> list[tuple[str, float]]:
    """Return marks within a limit, those that would lie on each other under one name."""
    found: list[tuple[str, float]] = []
    for name, place in sorted(marks, key=lambda mark: mark[1]):
        if place > limit:
            continue
        if found and place - found[-1][1] < APART * limit:
            found[-1] = f"{found[-1][0]}, {name}", found[-1][1]
        else:
            found.append((name, place))
    return found


def _names(kind: type) -> list[str]:
    return list(kind.__dataclass_fields__)  # type: ignore[attr-defined]


def _plain(one: Any) -> dict[str, Any]:
    return {name: getattr(one, name) for name in _names(type(one))}
