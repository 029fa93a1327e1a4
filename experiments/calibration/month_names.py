"""Names of months as shops across Europe write them, in full or shortened.

A word is a month where it is the name of that month in one of the languages below, or begins it (with three letters at
least) and the name of no other month in any of them: `juil` is July, `jui` could be June or July in French and is none.
Accents and capitals play no part.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

# Twelve names each, as they stand in a date (where a language has a form for that: the genitive) and alone.
_YEARS = {
    "English": "january february march april may june july august september october november december",
    "German": "januar februar märz april mai juni juli august september oktober november dezember",
    "French": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "Spanish": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "Italian": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "Portuguese": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
    "Dutch": "januari februari maart april mei juni juli augustus september oktober november december",
    "Swedish": "januari februari mars april maj juni juli augusti september oktober november december",
    "Danish": "januar februar marts april maj juni juli august september oktober november december",
    "Norwegian": "januar februar mars april mai juni juli august september oktober november desember",
    "Romanian": "ianuarie februarie martie aprilie mai iunie iulie august septembrie octombrie noiembrie decembrie",
    "Polish": "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia",
    "Polish, alone": "styczeń luty marzec kwiecień maj czerwiec lipiec sierpień wrzesień październik listopad grudzień",
    "Czech": "ledna února března dubna května června července srpna září října listopadu prosince",
    "Czech, alone": "leden únor březen duben květen červen červenec srpen září říjen listopad prosinec",
    "Russian": "января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
    "Russian, alone": "январь февраль март апрель май июнь июль август сентябрь октябрь ноябрь декабрь",
    "Turkish": "ocak şubat mart nisan mayıs haziran temmuz ağustos eylül ekim kasım aralık",
}  # fmt: skip
# Abbreviations that do not begin the name, and further names.
_SHORTENED = {"mrz": 3, "mrt": 3, "jänner": 1, "jän": 1, "feber": 2, "setiembre": 9}
_ENGLISH = _YEARS["English"].title().split()


def month_of(word: str) -> int | None:
    """The month (1 to 12) that a word names, or None."""
    known = _bare(word)
    if len(known) < 3:
        return None
    months = {month for name, month in _NAMES if name == known}
    months = months or {month for name, month in _NAMES if name.startswith(known)}
    return months.pop() if len(months) == 1 else None


def in_english(text: str, whole: bool) -> str:
    """A date with its month's name put into English, whole or its first three letters; other texts as they are."""
    for word in re.findall(r"[^\W\d_]{3,}", text):
        month = month_of(word)
        if month:
            return text.replace(word, _ENGLISH[month - 1] if whole else _ENGLISH[month - 1][:3])
    return text


def _bare(word: str) -> str:
    letters = unicodedata.normalize("NFKD", word.casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter)).replace("ı", "i")


def _names() -> Iterator[tuple[str, int]]:
    for names in _YEARS.values():
        yield from ((_bare(name), month) for month, name in enumerate(names.split(), start=1))
    yield from ((_bare(name), month) for name, month in _SHORTENED.items())


_NAMES = tuple(dict.fromkeys(_names()))
