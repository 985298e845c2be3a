"""An explanation for whom it is meant: who answers for decisions, or the customer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal

from serving.bundles import Loaded
from serving.explain import explain
from serving.explain.amounts import LANGUAGES, Language
from serving.explain.customer import for_customer
from serving.explain.page import customer_page, page

Whom = Literal["staff", "customer"]
WHOM: Final[tuple[Whom, ...]] = ("staff", "customer")


@dataclass(frozen=True)
class Explanation:
    """One decision's, for one audience; the same record and bundle give the same bytes."""

    record: dict[str, Any]
    explained: dict[str, Any]
    loaded: Loaded
    whom: Whom
    language: Language

    @cached_property
    def content(self) -> dict[str, Any]:
        """For machines: all of `explain`, or the customer's sections in each language."""
        if self.whom == "staff":
            return self.explained
        return {
            "decision_id": self.record["decision_id"],
            "sections": {
                language: [
                    {"heading": heading, "sentences": sentences}
                    for heading, sentences in for_customer(
                        self.record, self.explained, self.loaded, language
                    )
                ]
                for language in LANGUAGES
            },
        }

    @cached_property
    def page(self) -> str:
        """For people, as HTML."""
        if self.whom == "staff":
            return page(self.record, self.explained, self.language)
        return customer_page(self.record, self.explained, self.loaded, self.language)


def explanation_for(
    record: dict[str, Any], loaded: Loaded, whom: Whom, language: Language
) -> Explanation:
    """Explain a stored decision to `whom`; errors as of `explain`."""
    return Explanation(record, explain(record, loaded), loaded, whom, language)
