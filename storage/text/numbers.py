"""Telephone numbers of the whole world, by the tables of number plans that Google keeps (phonenumbers).

Asked only about what already looks like a number to call; loaded when the first such number comes.
The shapes that sellers here use most are known to `contacts` itself, disguised ones too.
"""

from __future__ import annotations

from functools import lru_cache


@lru_cache(maxsize=4_096)
def e164(written: str, region: str = "") -> str:
    """+CC and the national number, or "" where no number plan has it.

    region: ISO 3166 code of where it was written, by which national numbers are understood.
    """
    import phonenumbers

    try:
        number = phonenumbers.parse(written, region or None)
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_valid_number(number):
        return ""
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


@lru_cache(maxsize=4_096)
def without_country(value: str) -> str:
    """The national digits of a number in the form of `e164`, "" where no number plan has it."""
    import phonenumbers

    try:
        number = phonenumbers.parse(value, None)
    except phonenumbers.NumberParseException:
        return ""
    return (
        str(phonenumbers.national_significant_number(number)) if phonenumbers.is_valid_number(number) else ""
    )
