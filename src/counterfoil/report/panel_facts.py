"""What the report says of effects over time: the event study, what earlier trends could have shown, and what they allow."""

from typing import TYPE_CHECKING, Any

from counterfoil.contract import Contract
from counterfoil.datasets.disclosure import SMALL_CELL
from counterfoil.errors import CounterfoilError
from counterfoil.estimators.panels.event_study import EventStudy
from counterfoil.report.over_time import Instant, event_study_picture
from counterfoil.robustness import robustness
from counterfoil.verdict import Scale

if TYPE_CHECKING:
    from counterfoil.measuring import EffectResult


def over_time(
    contract: Contract, result: "EffectResult", scale: Scale, show_small_cells: bool
) -> dict[str, Any] | None:
    """Return the picture of an effect's event study and what its earlier periods say, or None where there is none."""
    study = result.over_time
    if study is None:
        return None
    hidden = set() if show_small_cells or result.of_places else few_behind(study)
    facts: dict[str, Any] = {
        "picture": event_study_picture(
            _instants(study, scale, hidden), f"{result.name}: effects by periods since they began"
        ),
        "hidden": bool(hidden),
        "earlier": "",
        "power": "",
        "claims": [],
        "average": "",
    }
    robust = robustness(contract, result)
    if robust is not None:
        facts |= {"power": robust.power, "claims": robust.lines(), "average": scale.number(robust.average)}
    if study.pre_times:
        try:
            test = study.joint_pretrend_test()
        except CounterfoilError as error:
            facts["earlier"] = f"Earlier trends cannot be tested together: {error.problems[0].what}."
        else:
            facts["earlier"] = (
                f"Before the services, effects should be zero. All {len(study.pre_times)} of them together: p = {test.p_value:.3g}. "
                "A test that does not reject shows no parallel trends; it may only be too weak to see a difference."
            )
    return facts


def few_behind(study: EventStudy) -> set[int]:
    """Return the event times whose effect rests on so few people that it would tell of them."""
    if study.behind is None:
        return set()
    return {time for time, count in zip(study.times, study.behind, strict=True) if 0 < count < SMALL_CELL}


def _instants(study: EventStudy, scale: Scale, hidden: set[int]) -> list[Instant]:
    pointwise, bands = (study.estimate.interval(simultaneous=together) * scale.factor for together in (False, True))
    values = (study.estimate.values * scale.factor).tolist()
    found = {
        time: Instant(f"{time:+d}" if time else "0", value, low, high, band_low, band_high, before=time < 0)
        for time, value, (low, high), (band_low, band_high) in zip(
            study.times, values, pointwise.tolist(), bands.tolist(), strict=True
        )
    }
    if study.reference is not None:
        found[study.reference] = Instant(f"{study.reference:+d}", 0.0, 0.0, 0.0, 0.0, 0.0, before=True, reference=True)
    return [found[time] for time in sorted(found) if time not in hidden]
