"""Instrumental variables: the effect on those whom a lottery moved."""

from counterfoil.estimators.instruments.anderson_rubin import AndersonRubinSet
from counterfoil.estimators.instruments.compliers import Compliers
from counterfoil.estimators.instruments.instrument_fit import InstrumentFit
from counterfoil.estimators.instruments.instrumental_variable import InstrumentalVariable
from counterfoil.estimators.instruments.overidentification import OverIdentification
from counterfoil.estimators.instruments.tf_ratio import tf_critical
from counterfoil.estimators.instruments.weak_instrument import WeakInstrument

__all__ = [
    "AndersonRubinSet",
    "Compliers",
    "InstrumentFit",
    "InstrumentalVariable",
    "OverIdentification",
    "WeakInstrument",
    "tf_critical",
]
