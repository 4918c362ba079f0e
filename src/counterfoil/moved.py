"""What an instrument says of itself: how strongly it moved people, and the set of effects that does not lean on its strength."""

from counterfoil.errors import CounterfoilError
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.fitted import Fitted
from counterfoil.estimators.instruments import InstrumentFit


def instrument_lines(measured: Estimate | Fitted | None) -> list[str]:
    """Return what is said of an effect measured by an instrument; nothing for others."""
    if not isinstance(measured, InstrumentFit):
        return []
    try:
        strength = measured.weak_instrument()
    except CounterfoilError:
        return []
    stands = "weak" if strength.weak else "not weak"
    lines = [
        f"first stage: effective F {strength.effective_f:.1f}, {stands} (the critical value is {strength.critical_value:.1f})"
    ]
    try:
        lines.append(f"{measured.anderson_rubin().sentence()}, whatever the strength of the instrument")
    except CounterfoilError as error:
        lines.append(f"no Anderson-Rubin set: {error.problems[0].what}")
    return lines
