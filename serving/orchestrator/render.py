"""Messages from templates, which marketers write and which therefore run in a sandbox.

An action has one folder; in it `<channel>.<language>.txt` and, for e-mail, `.mjml` beside it.
The first line of an e-mail's text is `Subject: ...`, that of a push message its title.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import jinja2
import mrml
from jinja2.sandbox import ImmutableSandboxedEnvironment

from serving.config import Action, Channel, Offer
from serving.orchestrator.errors import OrchestratorError
from serving.orchestrator.wording import long_date, plural

LANGUAGES = ("pl", "en")
FALLBACK = "en"

_PACKAGED = Path(__file__).parent / "templates"
_SUBJECT = "Subject: "
# What an expression in a template can raise, beside Jinja's own errors; OSError is mrml's.
_EXPRESSION_ERRORS = (ArithmeticError, LookupError, TypeError, ValueError, OSError)


class TemplateError(OrchestratorError):
    """A template is missing, or cannot be rendered."""


@dataclass(frozen=True)
class Content:
    """What templates may show. `valid_until` is a day in the recipient's own time zone."""

    sender_name: str
    unsubscribe_url: str
    valid_until: dt.date
    offer: Offer | None = None
    favourite_category: str | None = None


@dataclass(frozen=True)
class Rendered:
    """A message's parts, in the `language` that was found; `html` is for e-mail alone."""

    language: str
    subject: str | None
    text: str
    html: str | None


class Renderer:
    """Renders the packaged templates, or those of `folder` where it has one of the same name."""

    def __init__(self, folder: Path | None = None) -> None:
        folders = [_PACKAGED] if folder is None else [folder, _PACKAGED]
        self._environment = ImmutableSandboxedEnvironment(
            loader=jinja2.FileSystemLoader(folders),
            undefined=jinja2.StrictUndefined,
            autoescape=lambda name: name is not None and name.endswith(".mjml"),
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters["plural"] = plural
        self._names = frozenset(self._environment.list_templates())

    def render(self, action_id: str, channel: str, language: str, content: Content) -> Rendered:
        """Render one message in `language`, or in English where that has no template.

        Raises:
            TemplateError: when there is no template, or it uses what it must not or cannot.
        """
        found = self._language(action_id, channel, language)
        stem = f"{action_id}/{channel}.{found}"
        subject, text = _split(stem, channel, self._fill(f"{stem}.txt", found, content))
        html = self._html(f"{stem}.mjml", found, content) if channel == Channel.EMAIL else None
        return Rendered(found, subject, text, html)

    def check(self, actions: Iterable[Action], languages: Iterable[str] = LANGUAGES) -> None:
        """Render every action on each of its channels in all `languages`, as a rehearsal.

        Raises:
            TemplateError: naming all templates that are missing or fail, not only the first.
        """
        tongues, problems = tuple(languages), []
        for action in actions:
            for channel in action.channels:
                for language in tongues:
                    try:
                        self._rehearse(action, channel, language)
                    except TemplateError as error:
                        problems.append(str(error))
        if problems:
            raise TemplateError("\n".join(problems))

    def _rehearse(self, action: Action, channel: str, language: str) -> None:
        if missing := sorted(_files(action.id, channel, language) - self._names):
            raise TemplateError(f"template is missing: {', '.join(missing)}")
        for category in (None, "Category"):
            content = Content("Sender", "https://s.invalid", dt.date.min, action.offer, category)
            self.render(action.id, channel, language, content)

    def _language(self, action_id: str, channel: str, language: str) -> str:
        for candidate in (language, FALLBACK):
            if _files(action_id, channel, candidate) <= self._names:
                return candidate
        existing = sorted(name for name in self._names if name.startswith(f"{action_id}/"))
        raise TemplateError(
            f"no template for action {action_id!r} on channel {channel!r} in {language!r} or "
            f"{FALLBACK!r}; existing templates of the action: {existing}"
        )

    def _fill(self, name: str, language: str, content: Content) -> str:
        offer = content.offer
        try:
            return self._environment.get_template(name).render(
                language=language,
                customer={"language": language},
                offer=None if offer is None else offer.model_dump(),
                valid_until=long_date(content.valid_until, language),
                sender_name=content.sender_name,
                unsubscribe_url=content.unsubscribe_url,
                favourite_category=content.favourite_category,
            )
        except (jinja2.TemplateError, *_EXPRESSION_ERRORS) as error:
            raise TemplateError(f"template {name} cannot be rendered: {error}") from error

    def _html(self, name: str, language: str, content: Content) -> str:
        mjml = self._fill(name, language, content)
        try:
            return str(mrml.to_html(mjml).content)
        except OSError as error:
            raise TemplateError(f"template {name} is not right as MJML: {error}") from error


def _files(action_id: str, channel: str, language: str) -> set[str]:
    kinds = ("txt", "mjml") if channel == Channel.EMAIL else ("txt",)
    return {f"{action_id}/{channel}.{language}.{kind}" for kind in kinds}


def _split(stem: str, channel: str, text: str) -> tuple[str | None, str]:
    if channel not in (Channel.EMAIL, Channel.PUSH):
        return None, text.strip()
    first, _, rest = text.partition("\n")
    if channel == Channel.EMAIL:
        if not first.startswith(_SUBJECT):
            raise TemplateError(f"first line of {stem}.txt must be '{_SUBJECT}...', got: {first!r}")
        first = first.removeprefix(_SUBJECT)
    return first.strip(), rest.strip()
