"""Currency codes of ISO 4217, for the world's money and the amounts of an order log."""

from __future__ import annotations

import difflib

_ALL = """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF
    CHE CHF CHW CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF
    GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR
    LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK
    PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND
    TOP TRY TTD TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWG
"""
CODES = frozenset(_ALL.split())


def currency_note(code: str) -> str:
    """A sentence where `code` is no currency code; empty where it is one."""
    if code in CODES:
        return ""
    near = [code.upper()] if code.upper() in CODES else difflib.get_close_matches(code.upper(), sorted(CODES), 1, 0.6)
    hint = f' Did you mean "{near[0]}"?' if near else " Write three letters such as USD, EUR or GBP."
    return f'the currency "{code}" is no code of ISO 4217.{hint}'
