"""Currencies and their smallest units (ISO 4217)."""

from decimal import Decimal
from typing import Final

from counterfoil.errors import refusal

_WITHOUT_MINOR: Final = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE_DECIMALS: Final = "BHD IQD JOD KWD LYD OMR TND"
_TWO_DECIMALS: Final = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC "
    "CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD "
    "KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO "
    "NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL "
    "THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG"
)

MINOR_DIGITS: Final[dict[str, int]] = (
    dict.fromkeys(_TWO_DECIMALS.split(), 2)
    | dict.fromkeys(_WITHOUT_MINOR.split(), 0)
    | dict.fromkeys(_THREE_DECIMALS.split(), 3)
)
"""Decimals of each currency's smallest unit."""


def smallest_unit(currency: str) -> Decimal:
    """Return the smallest amount that can be paid in a currency.

    Raises
    ------
    ContractError
        CONTRACT-013 for a code that is not in ISO 4217.

    Examples
    --------
    >>> smallest_unit("USD"), smallest_unit("JPY")
    (Decimal('0.01'), Decimal('1'))
    """
    if currency not in MINOR_DIGITS:
        raise refusal("CONTRACT-013", f"'{currency}' is no ISO 4217 currency")
    return Decimal(1).scaleb(-MINOR_DIGITS[currency])


def decimals_beyond(amount: Decimal, currency: str) -> bool:
    """Tell whether an amount has more decimals than its currency can pay."""
    exponent = amount.normalize().as_tuple().exponent
    return isinstance(exponent, int) and -exponent > MINOR_DIGITS[currency]
