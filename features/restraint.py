"""What must not choose what one person gets unless the business says what for.

Some of what is known of people is theirs more than the business's: that they are ill, where exactly
they are, that there is a child. It may be lawful to know and still be wrong to act on.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, field_validator


class Sensitive(StrEnum):
    """Of what kind it is. `TROUBLE` has no purpose that could be declared."""

    HEALTH = "health"
    LOCATION = "location"
    FAMILY = "family"
    TROUBLE = "trouble"


WHY: Final = {
    Sensitive.HEALTH: "it tells of illness, medicine or pregnancy (GDPR Art. 9)",
    Sensitive.LOCATION: "it tells where exactly a person lives or is",
    Sensitive.FAMILY: "it tells of partners and children",
    Sensitive.TROUBLE: "it comes from a person in trouble: it may hold a message back, and nothing "
    "else",
}

_WORDS: Final = {
    Sensitive.HEALTH: r"drugs?|pharma\w*|medic\w*|prescription\w*|contracept\w*|condoms?|pregnan\w*"
    r"|incontinen\w*|diabet\w*|diet aids?|first aid|apte\w+|lek|leki|ci[aą][zż]\w*|zdrow\w*",
    Sensitive.FAMILY: r"baby|babies|infants?|diapers?|nursery|maternity|wedding|niemowl\w*"
    r"|pieluch\w*|dzieci\w*",
}


class Restraint(BaseModel):
    """Which product categories are sensitive, and which kinds may be used all the same.

    `categories` names a kind for a category as the events spell it, or "none" for one that only
    sounds sensitive; all others go by their words. `purposes` says for a kind what it is used for:
    without that no message is made to measure by it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    categories: dict[str, Sensitive | Annotated[str, Field(pattern="^none$")]] = {}
    purposes: dict[Sensitive, Annotated[str, Field(min_length=10)]] = {}

    @field_validator("purposes")
    @classmethod
    def _no_purpose_for_trouble(cls, purposes: dict[Sensitive, str]) -> dict[Sensitive, str]:
        if Sensitive.TROUBLE in purposes:
            raise ValueError(
                "purposes must be of health, location or family: no purpose lets what comes from "
                f"people in trouble choose for them, got: trouble={purposes[Sensitive.TROUBLE]!r}"
            )
        return purposes

    def kind_of(self, category: str) -> Sensitive | None:
        """What a category tells of; None where that is nothing in particular."""
        declared = self.categories.get(category)
        if declared is None:
            return by_words(category)
        return declared if isinstance(declared, Sensitive) else None

    def withholds(self, categories: Sequence[str]) -> NDArray[np.bool_]:
        """Which of `categories` no message may be made to measure by, shape (n,)."""
        kinds = (self.kind_of(category) for category in categories)
        return np.array([k is not None and k not in self.purposes for k in kinds], np.bool_)


@lru_cache(maxsize=65_536)
def by_words(text: str) -> Sensitive | None:
    """What the words of a category's or a feature's name tell of, in English or Polish."""
    spaced = re.sub(r"[_\W]+", " ", text)
    for kind, words in _WORDS.items():
        if re.search(rf"\b(?:{words})\b", spaced, flags=re.IGNORECASE):
            return kind
    return None
