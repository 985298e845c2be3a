"""Everything that `bocian.toml` says, in one typed object; the environment overrides the file.

`BOCIAN_POLICY__SECRET=...` sets `policy.secret`, and `BOCIAN_BRAND_NORTH__POLICY__SECRET=...` that
of the brand north alone, whose word comes first. A wrong value is refused at the start.
"""

from __future__ import annotations

import datetime as dt
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from features.clock import Clock, fixed_clock, system_clock
from features.config import ProtectedTable, Source, Table
from features.restraint import Restraint
from features.zones import zone
from serving.config import (
    BRAND_FORM,
    Action,
    Budget,
    Caps,
    Channel,
    ChannelCost,
    Messages,
    Policy,
)
from training.config import AuditLimits, Effects, Horizons, Monitoring, Proof, Training


class SettingsError(ValueError):
    """`bocian.toml` or the environment holds a value that breaks a rule."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Business(_Section):
    """Who the business is. `margin` is the share of spend that is margin."""

    name: str = "My shop"
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "EUR"
    margin: Annotated[float, Field(gt=0, le=1)] = 0.3
    time_zone: str = "Europe/Warsaw"
    languages: Annotated[tuple[Literal["pl", "en"], ...], Field(min_length=1)] = ("en", "pl")

    @field_validator("time_zone")
    @classmethod
    def _zone_exists(cls, name: str) -> str:
        return zone(name).name


class ClockSettings(_Section):
    """`now` stops the clock at an instant, for old data; without it the real time is used."""

    now: AwareDatetime | None = None


class SendTime(_Section):
    """`proxy_trust`: how far order hours move a message's value, where no engagement is logged."""

    proxy_trust: Annotated[float, Field(ge=0, le=1)] = 0.25


class Paths(_Section):
    """Where things lie, relative to `bocian.toml`.

    `ledger` and `mlflow` are files of SQLite, or addresses such as `postgresql+psycopg://...`.
    """

    store: Path = Path("var/store")
    features: Path = Path("var/features")
    scores: Path = Path("var/scores")
    bundles: Path = Path("var/bundles")
    reports: Path = Path("var/reports")
    outbox: Path = Path("var/outbox")
    ledger: str = "var/ledger.db"
    mlflow: str = "var/mlflow.db"


class Service(_Section):
    """Where the API listens and is asked, and by whom.

    `requests_per_second` and `bytes_per_second` are for each key and worker, where keys are
    required; a burst of two seconds' worth holds the largest body. `brand` is in the business's
    keys, and tells them apart where a service has several brands.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 3000
    brand: Annotated[str, Field(pattern=rf"^{BRAND_FORM}$")] | None = None
    require_keys: bool = False
    log_requests: bool = False
    requests_per_second: Annotated[float, Field(gt=0)] = 200.0
    bytes_per_second: Annotated[int, Field(ge=524_288)] = 10_485_760


class Settings(BaseSettings):
    """The whole configuration; `base` is the folder of `bocian.toml`."""

    model_config = SettingsConfigDict(
        env_prefix="BOCIAN_", env_nested_delimiter="__", frozen=True, extra="forbid"
    )

    base: Path
    business: Business = Business()
    clock: ClockSettings = ClockSettings()
    sources: tuple[Source, ...] = ()
    profiles: Table | None = None
    consents: Table | None = None
    protected: ProtectedTable | None = None
    restraint: Restraint = Restraint()
    horizons: Horizons = Horizons()
    training: Training = Training()
    effects: Effects = Effects()
    proof: Proof = Proof()
    audit: AuditLimits = AuditLimits()
    monitoring: Monitoring = Monitoring()
    send_time: SendTime = SendTime()
    actions: tuple[Action, ...] = ()
    channels: dict[Channel, ChannelCost] = {}
    caps: Caps = Caps()
    policy: Policy = Policy()
    budget: Budget = {}
    messages: Messages = Messages()
    paths: Paths = Paths()
    service: Service = Service()
    assumptions: dict[str, str] = {}

    @field_validator("sources")
    @classmethod
    def _names_differ(cls, sources: tuple[Source, ...]) -> tuple[Source, ...]:
        names = [source.name for source in sources]
        if again := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"sources must have different names, got twice: {again}")
        return sources

    @field_validator("actions")
    @classmethod
    def _ids_differ(cls, actions: tuple[Action, ...]) -> tuple[Action, ...]:
        ids = [action.id for action in actions]
        if again := sorted({i for i in ids if ids.count(i) > 1}):
            raise ValueError(f"actions must have different ids, got twice: {again}")
        return actions

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment comes before the file, whose content arrives as keyword arguments."""
        assert isinstance(init_settings, InitSettingsSource)  # noqa: S101 - pydantic's own
        service = init_settings.init_kwargs.get("service")
        brand = service.get("brand") if isinstance(service, dict) else None
        if not isinstance(brand, str):
            return env_settings, init_settings
        of_brand = EnvSettingsSource(settings_cls, env_prefix=f"BOCIAN_BRAND_{brand.upper()}__")
        return of_brand, env_settings, init_settings

    def path(
        self, name: Literal["store", "features", "scores", "bundles", "reports", "outbox"]
    ) -> Path:
        """One of `paths`, absolute."""
        found: Path = getattr(self.paths, name)
        return self.base / found

    @property
    def monitored(self) -> Path:
        """Where `bocian monitor` leaves its last result."""
        return self.path("store") / "monitored.json"

    @property
    def ledger_url(self) -> str:
        """The ledger's SQLAlchemy address."""
        return self._database(self.paths.ledger)

    @property
    def mlflow_uri(self) -> str:
        """The tracking server's or database's address."""
        return self._database(self.paths.mlflow)

    @property
    def time(self) -> Clock:
        """The clock that everything reads."""
        return system_clock if self.clock.now is None else fixed_clock(self.clock.now)

    @property
    def now(self) -> dt.datetime:
        """What the clock says, in UTC."""
        return self.time()

    def _database(self, address: str) -> str:
        return address if "://" in address else f"sqlite:///{self.base / address}"


def load(path: Path) -> Settings:
    """Read `bocian.toml`.

    Raises:
        SettingsError: Naming each wrong key, the rule and the value that came.
    """
    try:
        text = path.read_text()
    except FileNotFoundError as error:
        raise SettingsError(
            f"a configuration must lie at {path}, found none: `bocian init` writes one"
        ) from error
    try:
        stated: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not TOML: {error}") from error
    if "base" in stated:
        raise SettingsError(
            f"{path} must not hold base, which is the file's own folder, got: {stated['base']!r}"
        )
    try:
        return Settings(base=path.resolve().parent, **stated)
    except ValidationError as error:
        raise SettingsError(_in_words(error, path)) from error


def _in_words(error: ValidationError, path: Path) -> str:
    lines = [f"{path} has {error.error_count()} wrong value(s):"]
    for problem in error.errors(include_url=False):
        key = ".".join(str(part) for part in problem["loc"]) or "(whole file)"
        value = problem["input"]
        shown = "" if isinstance(value, dict | BaseModel) else f", got: {value!r}"
        lines.append(f"  {key}: {problem['msg'].removeprefix('Value error, ')}{shown}")
    return "\n".join(lines)
