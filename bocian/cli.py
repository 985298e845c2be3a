"""The command line. Each command is imported when it is called, so that `--help` is quick."""

from __future__ import annotations

import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

FAILED, WRONG_INPUT, REFUSED = 1, 2, 3
_EXIT_CODES = (
    "Exit codes: 0 done, 1 failed, 2 wrong input or settings, 3 refused by a gate. "
    "BOCIAN_DEBUG=1 shows where an error came from."
)

app = typer.Typer(
    name="bocian",
    help="Decides for every customer what to do next so that they come back, or nothing at all.",
    epilog=_EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # importing rich for the help alone would take half a second
)
features = typer.Typer(help="The feature catalogue.", no_args_is_help=True)
models = typer.Typer(help="Registered bundles of models.", no_args_is_help=True)
events = typer.Typer(help="The log in which new events commit first.", no_args_is_help=True)
keys = typer.Typer(help="Who may ask the API for what.", no_args_is_help=True)
reports = typer.Typer(help="What came of it all.", no_args_is_help=True)
policies = typer.Typer(help="What a policy does, before it serves.", no_args_is_help=True)
app.add_typer(features, name="features")
app.add_typer(events, name="events")
app.add_typer(models, name="models")
app.add_typer(keys, name="keys")
app.add_typer(reports, name="report")
app.add_typer(policies, name="policy")

Config = Annotated[
    Path, typer.Option("--config", "-c", envvar="BOCIAN_CONFIG", help="The configuration file.")
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
Engine = Annotated[
    Literal["embedded", "spark"], typer.Option(help="This process, or Spark (the extra 'spark').")
]
Master = Annotated[
    str | None, typer.Option(help="Where Spark runs; local[2] unless said otherwise.")
]
Conf = Annotated[
    list[str] | None, typer.Option(help="A setting of Spark's, KEY=VALUE; may be repeated.")
]
TableFile = Annotated[
    Path | None, typer.Option("--table", help="A plain table, one row a customer: CSV or Parquet.")
]
Identifier = Annotated[
    str | None, typer.Option("--id", help="With --table: the column that names the customer.")
]
_DEFAULT = Path("bocian.toml")


def _example(line: str) -> str:
    return f"Example: {line}"


@app.command(epilog=_example("bocian init shop/bocian.toml"))
def init(target: Annotated[Path, typer.Argument(help="Where to write it.")] = _DEFAULT) -> None:
    """Write a commented bocian.toml to start from."""
    from bocian.commands import init as command  # noqa: PLC0415

    command.run(target)


@app.command(epilog=_example("bocian ingest --force"))
def ingest(
    config: Config = _DEFAULT,
    force: Annotated[bool, typer.Option(help="Even where nothing has changed.")] = False,
    as_json: Json = False,
) -> None:
    """Read the sources into the event store. What breaks the contract is quarantined."""
    from bocian.commands import ingest as command  # noqa: PLC0415
    from bocian.settings import load  # noqa: PLC0415

    command.run(load(config), force=force, as_json=as_json)


@events.command("add", epilog=_example("bocian events add new.jsonl"))
def events_add(
    file: Annotated[str, typer.Argument(help="One event a line, as JSON; - reads the pipe.")],
    config: Config = _DEFAULT,
    batch: Annotated[int, typer.Option(min=1, help="Lines that are committed together.")] = 1000,
    acknowledge: Annotated[
        bool, typer.Option("--acknowledge", help="A line of JSON for each batch once it is safe.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Commit events to the log. From then on every decision knows them."""
    from bocian.commands import events as command  # noqa: PLC0415
    from bocian.settings import load  # noqa: PLC0415

    command.add(load(config), file, batch=batch, acknowledge=acknowledge, as_json=as_json)


@app.command(epilog=_example("bocian compact"))
def compact(config: Config = _DEFAULT, as_json: Json = False) -> None:
    """Move events from the log into the store, and tidy the store up."""
    from bocian.commands import compact as command  # noqa: PLC0415
    from bocian.settings import load  # noqa: PLC0415

    command.run(load(config), as_json=as_json)


@app.command(epilog=_example("bocian erase anna@shop --yes"))
def erase(
    customers: Annotated[list[str], typer.Argument(help="Customers' ids.")],
    config: Config = _DEFAULT,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask. It cannot be undone.")] = False,
    as_json: Json = False,
) -> None:
    """Erase persons from the store and the ledger. It says what it does not reach."""
    from bocian.commands import erase as command  # noqa: PLC0415
    from bocian.settings import load  # noqa: PLC0415

    shown = ", ".join(customers)
    if not yes:
        typer.confirm(f"Erase {shown} for good?", abort=True)
    command.run(load(config), customers, as_json=as_json)


@features.command("list", epilog=_example("bocian features list --json"))
def features_list(
    as_json: Json = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="As a page, for docs.")] = False,
    group: Annotated[str | None, typer.Option(help="Only these, such as rfm or basket.")] = None,
) -> None:
    """Every feature with its unit, window, meaning and version, and whether it may personalise."""
    from bocian.commands import features as command  # noqa: PLC0415

    command.list_features(as_json=as_json, as_markdown=as_markdown, group=group)


@features.command("build", epilog=_example("bocian features build --as-of 2017-12-01T05:00:00Z"))
def features_build(
    config: Config = _DEFAULT,
    as_of: Annotated[
        list[str] | None, typer.Option(help="An instant, ISO 8601 with its zone; may be repeated.")
    ] = None,
    engine: Engine = "embedded",
    master: Master = None,
    conf: Conf = None,
    as_json: Json = False,
) -> None:
    """Write everyone's features at one or more instants to Parquet."""
    from bocian.commands import features as command  # noqa: PLC0415
    from bocian.commands.spark import chosen  # noqa: PLC0415
    from bocian.settings import load  # noqa: PLC0415

    on = chosen(engine, master, conf or [])
    command.build(load(config), as_of or [], on=on, as_json=as_json)


@app.command(epilog=_example("bocian score --as-of 2017-12-01T05:00:00Z"))
def score(
    config: Config = _DEFAULT,
    as_of: Annotated[
        str | None, typer.Option(help="An instant, ISO 8601 with its zone; now, unless given.")
    ] = None,
    engine: Engine = "embedded",
    master: Master = None,
    conf: Conf = None,
    table: TableFile = None,
    model: Annotated[
        Path | None, typer.Option(help="With --table: the folder that train --table wrote.")
    ] = None,
    identifier: Identifier = None,
    to: Annotated[
        Path | None, typer.Option("--out", help="With --table: the file to write, CSV or Parquet.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write everyone's predictions by the serving bundle to Parquet."""
    if table is not None:
        from bocian.commands import table as plain  # noqa: PLC0415

        if model is None or to is None:
            raise typer.BadParameter("needs --model and --out as well", param_hint="--table")
        plain.score(table, model, to, identifier=identifier, as_json=as_json)
        return
    from bocian.commands import score as command  # noqa: PLC0415
    from bocian.commands.spark import chosen  # noqa: PLC0415
    from bocian.settings import load  # noqa: PLC0415

    on = chosen(engine, master, conf or [])
    command.run(load(config), as_of, on=on, as_json=as_json)


@app.command(epilog=_example("bocian train --promote"))
def train(
    config: Config = _DEFAULT,
    force: Annotated[bool, typer.Option(help="Even where nothing has changed.")] = False,
    promote: Annotated[bool, typer.Option(help="Let it serve, if the gate allows.")] = False,
    effects: Annotated[
        bool, typer.Option("--effects", help="Learn what actions change, from decisions made.")
    ] = False,
    table: TableFile = None,
    label: Annotated[str | None, typer.Option(help="With --table: the column to predict.")] = None,
    positive: Annotated[
        str | None, typer.Option(help="With --table: which of the label's two values.")
    ] = None,
    identifier: Identifier = None,
    protected: Annotated[
        list[str] | None,
        typer.Option(help="With --table: never a feature, such as age; may be repeated."),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--out", help="With --table: the folder for the model.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Train, judge, audit and register models. The first bundle serves at once."""
    if table is not None:
        from bocian.commands import table as plain  # noqa: PLC0415

        if label is None:
            raise typer.BadParameter("needs --label as well", param_hint="--table")
        plain.train(
            table,
            label,
            identifier=identifier,
            positive=positive,
            protected=protected or [],
            folder=folder,
            as_json=as_json,
        )
        return
    from bocian.commands import train as command  # noqa: PLC0415
    from bocian.settings import load  # noqa: PLC0415

    command.run(load(config), force=force, promote=promote, effects=effects, as_json=as_json)


@app.command(epilog=_example("bocian clv purchases.csv --horizon 273 --out value.csv"))
def clv(
    file: Annotated[Path, typer.Argument(help="One purchase a row: CSV or Parquet.")],
    to: Annotated[Path, typer.Option("--out", help="The file to write, CSV or Parquet.")],
    horizon: Annotated[int, typer.Option(min=1, help="How many days to look ahead.")] = 91,
    customer: Annotated[str, typer.Option(help="The column that names the customer.")] = "customer",
    day: Annotated[str, typer.Option(help="The column with the date, ISO 8601.")] = "day",
    margin: Annotated[str, typer.Option(help="The column with what it earned.")] = "margin",
    last_day: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The last day observed; else the last purchase's."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Lifetime value from purchases alone. Orders and margin to come, with intervals."""
    from bocian.commands import clv as command  # noqa: PLC0415

    command.run(
        file,
        to,
        horizon_days=horizon,
        customer=customer,
        day=day,
        margin=margin,
        last_day=last_day.date() if last_day else None,
        as_json=as_json,
    )


@app.command(epilog=_example("bocian audit champion"))
def audit(
    version: Annotated[str, typer.Argument(help="A version's number or alias.")] = "champion",
    config: Config = _DEFAULT,
    decided: Annotated[
        bool, typer.Option("--decided", help="Instead: who got what, from the ledger.")
    ] = False,
    days: Annotated[int, typer.Option(min=1, help="With --decided: how far back.")] = 91,
    compare: Annotated[
        tuple[str, str] | None,
        typer.Option(
            metavar="BEFORE AFTER", help="Instead: two audits, each a version or a JSON file."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare predictions by protected attribute. Writes a page."""
    if decided:
        from bocian.commands import audit_decided  # noqa: PLC0415
        from bocian.settings import load  # noqa: PLC0415

        audit_decided.run(load(config), days=days, as_json=as_json)
        return
    if compare is not None:
        from bocian.commands import audit_compare  # noqa: PLC0415
        from bocian.settings import load  # noqa: PLC0415

        audit_compare.run(load(config), *compare, as_json=as_json)
        return
    from bocian.commands import audit as command  # noqa: PLC0415
    from bocian.settings import load  # noqa: PLC0415

    command.run(load(config), version, as_json=as_json)


@app.command(epilog=_example("bocian monitor champion --fail-on-drift"))
def monitor(
    version: Annotated[str, typer.Argument(help="A version's number or alias.")] = "champion",
    config: Config = _DEFAULT,
    page: Annotated[
        Path | None, typer.Option(help="Where the page goes; else the folder of reports.")
    ] = None,
    fail_on_drift: Annotated[
        bool, typer.Option("--fail-on-drift", help="Exit code 3 where there is an alarm.")
    ] = False,
    as_json: Json = False,
) -> None:
    """What has changed since training, and whether to train again. Writes a page."""
    from bocian.commands import monitor as command  # noqa: PLC0415
    from bocian.settings import load  # noqa: PLC0415

    report = command.run(load(config), version, page=page, as_json=as_json)
    if fail_on_drift and report.alarms:
        raise typer.Exit(REFUSED)


@models.command("list", epilog=_example("bocian models list"))
def models_list(config: Config = _DEFAULT, as_json: Json = False) -> None:
    """All registered bundles with their aliases and figures."""
    from bocian.commands import models as command  # noqa: PLC0415
    from bocian.settings import load  # noqa: PLC0415

    command.list_versions(load(config), as_json=as_json)


@models.command("compare", epilog=_example("bocian models compare challenger champion"))
def models_compare(
    one: Annotated[str, typer.Argument(help="A version's number or alias.")] = "challenger",
    other: Annotated[str, typer.Argument(help="The one to compare with.")] = "champion",
    config: Config = _DEFAULT,
    as_json: Json = False,
) -> None:
    """Two bundles on the same rows, with paired intervals and a verdict."""
    from bocian.commands import models as command  # noqa: PLC0415
    from bocian.settings import load  # noqa: PLC0415

    command.compare_versions(load(config), one, other, as_json=as_json)


@models.command("promote", epilog=_example("bocian models promote challenger"))
def models_promote(
    version: Annotated[str, typer.Argument(help="A version's number or alias.")],
    config: Config = _DEFAULT,
    override: Annotated[
        tuple[str, str] | None,
        typer.Option(
            metavar="REVIEWER REASON", help="Who answers for it where a gate refuses, and why."
        ),
    ] = None,
    rollout: Annotated[
        bool,
        typer.Option(
            "--rollout", help="A policy that the log cannot judge, with few customers first."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Let a bundle serve. Refused, with reasons, where something speaks against it."""
    from bocian.commands import models as command  # noqa: PLC0415
    from bocian.settings import load  # noqa: PLC0415

    command.promote(load(config), version, override=override, rollout=rollout, as_json=as_json)


@models.command("rollback", epilog=_example("bocian models rollback"))
def models_rollback(config: Config = _DEFAULT, as_json: Json = False) -> None:
    """Let the bundle serve that did before the champion. A second time undoes the first."""
    from bocian.commands import models as command  # noqa: PLC0415
    from bocian.settings import load  # noqa: PLC0415

    command.roll_back(load(config), as_json=as_json)


@app.command(epilog=_example("bocian serve --port 3000"))
def serve(
    config: Annotated[
        list[Path],
        typer.Option(
            "--config",
            "-c",
            envvar="BOCIAN_CONFIG",
            help="The configuration file; repeated, of each brand.",
        ),
    ] = [_DEFAULT],  # noqa: B006 - typer copies it
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Else the settings'.")] = None,
) -> None:
    """Serve the API in the foreground; Ctrl-C ends it."""
    from bocian.commands import serve as command  # noqa: PLC0415

    command.run(config, port)


@keys.command("create", epilog=_example("bocian keys create shop --scope decide --scope events"))
def keys_create(
    name: Annotated[str, typer.Argument(help="Whose it is, such as a tool's name.")],
    scope: Annotated[
        list[str], typer.Option(help="decide, events, customers, review or admin; repeatable.")
    ],
    config: Config = _DEFAULT,
    days: Annotated[int, typer.Option(min=1, help="When it expires.")] = 365,
    as_json: Json = False,
) -> None:
    """Make an API key. It is shown this once; the ledger keeps a hash."""
    from bocian.commands import keys as command  # noqa: PLC0415
    from bocian.settings import load  # noqa: PLC0415

    command.create(load(config), name, scope, days=days, as_json=as_json)


@keys.command("list", epilog=_example("bocian keys list"))
def keys_list(config: Config = _DEFAULT, as_json: Json = False) -> None:
    """All keys, with what they may be used for and until when."""
    from bocian.commands import keys as command  # noqa: PLC0415
    from bocian.settings import load  # noqa: PLC0415

    command.list_keys(load(config), as_json=as_json)


@keys.command("revoke", epilog=_example("bocian keys revoke 0f3c5a7e9b1d"))
def keys_revoke(
    key: Annotated[str, typer.Argument(help="Its id, as `bocian keys list` shows it.")],
    config: Config = _DEFAULT,
) -> None:
    """End a key at once."""
    from bocian.commands import keys as command  # noqa: PLC0415
    from bocian.settings import load  # noqa: PLC0415

    command.revoke(load(config), key)


@app.command(epilog=_example("bocian decide 1 7 18 --preview"))
def decide(
    customers: Annotated[list[str] | None, typer.Argument(help="Customers' ids.")] = None,
    config: Config = _DEFAULT,
    preview: Annotated[bool, typer.Option(help="Record nothing.")] = False,
    everyone: Annotated[
        bool, typer.Option("--all", help="Preview everyone's as a table; record nothing.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Where that table goes.")] = None,
    as_json: Json = False,
) -> None:
    """Each customer's next best action. With its value, what else was open and what was not."""
    from bocian.settings import load  # noqa: PLC0415

    if bool(customers) == everyone:
        raise typer.BadParameter("decide must be given either customers' ids or --all")
    if everyone:
        from bocian.commands import decide_all  # noqa: PLC0415

        decide_all.run(load(config), out, as_json=as_json)
        return
    from bocian.commands import decide as command  # noqa: PLC0415

    command.decide(load(config), customers or [], preview=preview, as_json=as_json)


@app.command(epilog=_example("bocian explain d41d8cd98f00b204e9800998ecf8427 --language pl"))
def explain(
    decision: Annotated[str, typer.Argument(help="A decision's id.")],
    config: Config = _DEFAULT,
    language: Annotated[Literal["en", "pl"], typer.Option(help="Of the sentences.")] = "en",
    whom: Annotated[
        Literal["staff", "customer"],
        typer.Option("--for", help="The customer is told no costs, values or other people's data."),
    ] = "staff",
    html: Annotated[Path | None, typer.Option(help="Write it as a page to this file.")] = None,
    as_json: Json = False,
) -> None:
    """Why a stored decision came out as it did, and what would have changed it."""
    from bocian.commands import decide as command  # noqa: PLC0415
    from bocian.settings import load  # noqa: PLC0415

    command.explain_decision(
        load(config), decision, language=language, whom=whom, html=html, as_json=as_json
    )


@app.command(epilog=_example("bocian send --api http://127.0.0.1:3000"))
def send(
    config: Config = _DEFAULT,
    api: Annotated[str | None, typer.Option(help="The API's address; else the settings'.")] = None,
    key: Annotated[
        str | None, typer.Option(envvar="BOCIAN_API_KEY", help="Where the API needs one.")
    ] = None,
    now: Annotated[bool, typer.Option("--now", help="Deliver before the planned hour.")] = False,
    as_json: Json = False,
) -> None:
    """Decide for active customers and deliver. A second run repeats nothing."""
    from bocian.commands import send as command  # noqa: PLC0415
    from bocian.settings import load  # noqa: PLC0415

    command.run(load(config), api=api, key=key, deliver_now=now, as_json=as_json)


@reports.command("holdout", epilog=_example("bocian report holdout --json"))
def report_holdout(config: Config = _DEFAULT, as_json: Json = False) -> None:
    """Margin and retention since the first decision, beside those who are never contacted."""
    from bocian.commands import report as command  # noqa: PLC0415
    from bocian.settings import load  # noqa: PLC0415

    command.holdout(load(config), as_json=as_json)


@policies.command("evaluate", epilog=_example("bocian policy evaluate --policy challenger"))
def policy_evaluate(
    policy: Annotated[
        str,
        typer.Option(
            help="A version's number or alias, incumbent, nobody, everyone, highest_risk_first, "
            "random, or scores, those of the file."
        ),
    ],
    config: Config = _DEFAULT,
    log: Annotated[
        Path | None, typer.Option(help="Decisions in CSV or Parquet; else the ledger's.")
    ] = None,
    by: Annotated[
        str | None, typer.Option(help="Values by segment too: a feature or a column of the file.")
    ] = None,
    most_weight: Annotated[
        float | None, typer.Option(min=1, help="Hold heavier weights here; reported.")
    ] = None,
    page: Annotated[
        Path | None, typer.Option(help="Where the page goes; else the folder of reports.")
    ] = None,
    as_json: Json = False,
) -> None:
    """What a policy would have earned on logged decisions, beside others. Writes a page."""
    from bocian.commands import policy_evaluate as command  # noqa: PLC0415
    from bocian.settings import load  # noqa: PLC0415

    command.evaluate(
        load(config),
        policy,
        log=log,
        by=by,
        most_weight=most_weight,
        page=page,
        as_json=as_json,
    )


@policies.command("simulate", epilog=_example("bocian policy simulate --policy challenger"))
def policy_simulate(
    policy: Annotated[
        str | None, typer.Option(help="A version's number or alias; else the champion.")
    ] = None,
    config: Config = _DEFAULT,
    page: Annotated[
        Path | None, typer.Option(help="Where the page goes; else the folder of reports.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Who would get what today, at which cost, and what closes the rest. Writes a page."""
    from bocian.commands import policy_simulate as command  # noqa: PLC0415
    from bocian.settings import load  # noqa: PLC0415

    command.simulate(load(config), policy, page=page, as_json=as_json)


@app.command(epilog=_example("bocian simulate scenario.toml --out var/simulated --customers 20000"))
def simulate(
    scenario: Annotated[Path, typer.Argument(help="A scenario, TOML; see docs/simulator.md.")],
    out: Annotated[Path, typer.Option(help="The folder to write to.")],
    customers: Annotated[int | None, typer.Option(min=1, help="Else the scenario's.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Else the scenario's.")] = None,
    as_json: Json = False,
) -> None:
    """Write a business whose truth is known: events, decisions, truth and a bocian.toml."""
    from bocian.commands import simulate as command  # noqa: PLC0415

    command.run(scenario, out, customers=customers, seed=seed, as_json=as_json)


@app.command(epilog=_example("bocian loop scenario.toml --customers 20000"))
def loop(
    scenario: Annotated[Path, typer.Argument(help="A scenario, TOML; see docs/simulator.md.")],
    customers: Annotated[int | None, typer.Option(min=1, help="Else the scenario's.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Else the scenario's.")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Decisions for each customer.")] = 10,
    floor: Annotated[float, typer.Option(help="Share of decisions that explore.")] = 0.4,
    as_json: Json = False,
) -> None:
    """Decide, learn and promote in a business whose truth is known, round by round, unattended."""
    from bocian.commands import loop as command  # noqa: PLC0415

    command.run(
        scenario, customers=customers, seed=seed, rounds=rounds, floor=floor, as_json=as_json
    )


@app.command(epilog=_example("bocian demo var/demo"))
def demo(
    folder: Annotated[Path, typer.Argument(help="Where everything goes.")] = Path("var/demo"),
) -> None:
    """The whole job on real data. A year of 2,469 households, from events to messages."""
    from bocian.commands import demo as command  # noqa: PLC0415

    command.run(folder)


def main() -> None:
    """Run, and turn errors that name what is wrong into an exit code and one message."""
    try:
        app()
    except (ValueError, LookupError, OSError, RuntimeError) as error:
        if isinstance(error, KeyError | IndexError) or "BOCIAN_DEBUG" in os.environ:
            raise
        typer.secho(f"error: {error}", err=True, fg="red")
        if type(error).__name__ == "GateError":  # importing it would slow down --help
            sys.exit(REFUSED)
        sys.exit(FAILED if isinstance(error, RuntimeError) else WRONG_INPUT)


if __name__ == "__main__":
    main()
