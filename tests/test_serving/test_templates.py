"""Templates: all there, in two languages, escaped, sandboxed, and with the right word forms."""

from __future__ import annotations

import datetime as dt
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.config import Action, Offer
from serving.orchestrator.render import Content, Renderer, TemplateError
from serving.orchestrator.wording import long_date, plural

ACTIONS = (
    Action(id="thank_you", description="", channels=("email", "push")),
    Action(id="usual_basket", description="", channels=("email", "push")),
    Action(
        id="offer_10",
        description="",
        channels=("email", "sms"),
        offer=Offer(kind="percent_off", percent=10, valid_days=14),
    ),
    Action(
        id="win_back_15",
        description="",
        channels=("email", "sms"),
        offer=Offer(kind="percent_off", percent=15, valid_days=21),
    ),
    Action(id="service_call", description="", channels=("call_center",)),
)
WAYS = [(a, c, language) for a in ACTIONS for c in a.channels for language in ("pl", "en")]


def content(**changes: object) -> Content:
    fields = {
        "sender_name": "Bocian Market",
        "unsubscribe_url": "https://bocian.invalid/u?a=1&message=d1",
        "valid_until": dt.date(2026, 5, 14),
    }
    return Content(**{**fields, **changes})


class Text(HTMLParser):
    """The links and the visible text of a page, as a browser decodes them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name == "href"]

    def handle_data(self, data):
        self.text += data


@pytest.fixture
def folder(tmp_path: Path):
    """Write templates into a folder of one's own, which comes before the packaged ones."""

    def write(**files: str) -> Path:
        for name, text in files.items():
            path = tmp_path / "mine" / f"{name}.txt"
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        return tmp_path

    return write


def test_the_packaged_templates_serve_all_actions_of_the_demo():
    Renderer().check(ACTIONS)


@pytest.mark.parametrize(
    ("action", "channel", "language"), WAYS, ids=lambda way: getattr(way, "id", way)
)
def test_each_message_says_what_it_must(action: Action, channel: str, language: str):
    rendered = Renderer().render(action.id, channel, language, content(offer=action.offer))
    assert rendered.language == language
    assert (rendered.subject is not None) == (channel in ("email", "push"))
    assert (rendered.html is not None) == (channel == "email")
    if action.offer is not None:
        day = {"pl": "14 maja 2026", "en": "14 May 2026"}[language]
        assert f"{action.offer.percent}%" in rendered.text
        assert day in rendered.text
    if channel == "email":
        page = Text(rendered.html)
        assert content().unsubscribe_url in page.links
        assert content().unsubscribe_url in rendered.text
        assert f'lang="{language}"' in rendered.html
        for line in rendered.text.partition("--")[0].splitlines():
            assert line in page.text
    if channel == "sms":
        assert content().unsubscribe_url in rendered.text


@pytest.mark.parametrize("language", ["pl", "en"])
def test_the_favourite_category_is_named_only_where_it_is_known(language):
    known = Renderer().render("usual_basket", "push", language, content(favourite_category="Kawa"))
    unknown = Renderer().render("usual_basket", "push", language, content())
    assert "Kawa" in known.text
    assert "None" not in unknown.text
    assert unknown.text


def test_html_is_escaped_and_text_is_not():
    evil = "<script>alert('x')</script> & \"co\""
    rendered = Renderer().render("usual_basket", "email", "en", content(favourite_category=evil))
    page = Text(rendered.html)
    assert "script" not in page.tags
    assert evil in page.text
    assert evil in rendered.text


def test_another_language_falls_back_to_english():
    assert Renderer().render("thank_you", "push", "de", content()).language == "en"


def test_a_missing_template_lists_what_exists():
    with pytest.raises(
        TemplateError, match=r"'thank_you' on channel 'sms'.*\['thank_you/email.en.mjml', "
    ):
        Renderer().render("thank_you", "sms", "pl", content())


def test_check_names_every_missing_template():
    strange = Action(id="strange", description="", channels=("email", "sms"))
    with pytest.raises(TemplateError, match="missing") as error:
        Renderer().check([strange])
    for name in ("email.pl.mjml", "email.en.txt", "sms.pl.txt", "sms.en.txt"):
        assert f"strange/{name}" in str(error.value)


def test_check_finds_an_offer_that_the_action_does_not_make():
    bare = Action(id="offer_10", description="", channels=("sms",))
    with pytest.raises(TemplateError, match=r"offer_10/sms.pl.txt cannot be rendered: .*percent"):
        Renderer().check([bare])


def test_a_folder_of_ones_own_comes_first(folder):
    own = folder(**{"sms.en": "Hi from {{ sender_name }}"})
    own.joinpath("mine").rename(own / "offer_10")
    renderer = Renderer(own)
    assert renderer.render("offer_10", "sms", "en", content()).text == "Hi from Bocian Market"
    offer = Offer(kind="percent_off", percent=10)
    assert "10%" in renderer.render("offer_10", "sms", "pl", content(offer=offer)).text


def test_an_undefined_name_is_an_error(folder):
    renderer = Renderer(folder(**{"sms.en": "Hi {{ first_name }}"}))
    with pytest.raises(TemplateError, match=r"mine/sms.en.txt .*'first_name' is undefined"):
        renderer.render("mine", "sms", "en", content())


@pytest.mark.parametrize(
    "trick",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ customer.__class__.__init__.__globals__ }}",
        "{{ plural.__globals__ }}",
        "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
        "{{ self.__init__.__globals__ }}",
        "{{ ('%s' | attr('__class__')) }}",
        "{{ '{0.__class__}'.format(1) }}",
        "{{ offer.update({'percent': 90}) }}",
        "{{ range(10 ** 9) | list }}",
        "{% include '../../../../../../etc/passwd' %}",
    ],
)
def test_the_sandbox_holds(folder, trick):
    renderer = Renderer(folder(**{"sms.en": trick}))
    offer = Offer(kind="percent_off", percent=10)
    with pytest.raises(TemplateError, match=r"mine/sms.en.txt cannot be rendered"):
        renderer.render("mine", "sms", "en", content(offer=offer))


def test_an_email_begins_with_its_subject(folder):
    own = folder(**{"email.en": "Hello\n\nText"})
    (own / "mine/email.en.mjml").write_text("<mjml><mj-body></mj-body></mjml>")
    with pytest.raises(TemplateError, match=r"first line of mine/email.en.txt must be 'Subject: "):
        Renderer(own).render("mine", "email", "en", content())


def test_broken_mjml_is_named(folder):
    own = folder(**{"email.en": "Subject: Hello"})
    (own / "mine/email.en.mjml").write_text("<mjml><mj-body></mjml>")
    with pytest.raises(TemplateError, match=r"mine/email.en.mjml is not right as MJML"):
        Renderer(own).render("mine", "email", "en", content())


def test_polish_and_english_forms():
    days = [plural(n, "dzień", "dni", "dni") for n in (1, 2, 5, 14)]
    assert days == ["dzień", "dni", "dni", "dni"]
    points = {n: plural(n, "punkt", "punkty", "punktów") for n in range(126)}
    few = [n for n, form in points.items() if form == "punkty"]
    # Golden values: the list for pl/few in the plural rules of CLDR 44.
    assert few[:9] == [2, 3, 4, 22, 23, 24, 32, 33, 34]
    assert {112, 113, 114}.isdisjoint(few)
    assert {102, 103, 104, 122, 123, 124} <= set(few)
    assert [n for n, form in points.items() if form == "punkt"] == [1]
    assert [plural(n, "day", "days") for n in (0, 1, 2, 21)] == ["days", "day", "days", "days"]


@given(st.integers(2, 10**6))
def test_polish_forms_repeat_every_hundred(n: int):
    assert plural(n, "one", "few", "many") == plural(n + 100, "one", "few", "many")


def test_plural_wants_two_or_three_forms():
    with pytest.raises(ValueError, match=r"2 forms \(English\) or 3 \(Polish\), got: \('dzień',\)"):
        plural(2, "dzień")


def test_dates_in_words():
    day = dt.date(2026, 10, 3)
    found = {language: long_date(day, language) for language in ("pl", "en", "de")}
    assert found == {"pl": "3 października 2026", "en": "3 October 2026", "de": "2026-10-03"}
