"""A bundle: the models and the policy's declarations that work together, as files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from models.churn import Calibration, ChurnModel
from models.clv import ClvModel, Interval, OwnRate
from models.effects import DeclaredEffects
from models.send_time import SendTimeModel

FORMAT = 1
MANIFEST = "manifest.json"
_BOOSTERS = ("churn", "clv_any_order", "clv_spend_if_any")


class BundleError(ValueError):
    """A bundle is damaged, or does not fit the code that should serve it."""


@dataclass(frozen=True)
class Bundle:
    """Everything that a decision rests on, apart from the customer.

    `features` maps the names of the matrix's columns, in order, to their version hashes; `usual`
    to their medians where the models learned, for explanations (a name without one is unknown
    for most).
    `business` holds currency, time zone and margin rate; `policy` the declared actions and
    channels, as the policy parses them; `made_at` is ISO 8601.
    """

    churn: ChurnModel
    clv: ClvModel
    send_time: SendTimeModel
    effects: DeclaredEffects
    features: Mapping[str, str]
    usual: Mapping[str, float]
    business: Mapping[str, Any]
    policy: Mapping[str, Any]
    made_at: str

    def save(self, folder: Path) -> str:
        """Write the bundle's files into `folder`, and return its digest."""
        folder.mkdir(parents=True, exist_ok=True)
        boosters = (self.churn.booster, self.clv.any_order, self.clv.spend_if_any)
        for name, booster in zip(_BOOSTERS, boosters, strict=True):
            (folder / f"{name}.txt").write_text(booster.model_to_string())
        manifest = self._manifest() | {"files": _contents(folder)}
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True))
        return digest(folder)

    def columns(self, hashes: Mapping[str, str]) -> NDArray[np.int64]:
        """Where the bundle's features lie in a matrix whose columns have these version `hashes`.

        Raises:
            BundleError: A feature is missing, or is not computed as it was in training.
        """
        missing = [name for name in self.features if name not in hashes]
        changed = [n for n, h in self.features.items() if n in hashes and hashes[n] != h]
        if missing or changed:
            raise BundleError(
                f"a bundle's features must be in the catalogue as they were in training, "
                f"missing: {missing}, changed: {changed}; train again with this catalogue"
            )
        order = {name: i for i, name in enumerate(hashes)}
        return np.array([order[name] for name in self.features], np.int64)

    def _manifest(self) -> dict[str, Any]:
        calibration, clv, time = self.churn.calibration, self.clv, self.send_time
        return {
            "format": FORMAT,
            "made_at": self.made_at,
            "features": list(self.features.items()),
            "usual": dict(self.usual),
            "business": dict(self.business),
            "policy": dict(self.policy),
            "churn": {
                "slope": calibration.slope,
                "intercept": calibration.intercept,
                "horizon_days": self.churn.horizon_days,
                "active_days": self.churn.active_days,
                "estimand": self.churn.estimand,
            },
            "clv": {
                "interval": vars(clv.interval),
                "start": vars(clv.start),
                "margin_rate": clv.margin_rate,
                "horizon_days": clv.horizon_days,
            },
            "send_time": vars(time) | {"population": time.population.tolist()},
            "effects": {
                "arms": [list(arm) for arm in self.effects.arms],
                "share": self.effects.share.tolist(),
                "sd": self.effects.sd.tolist(),
            },
        }


def load(folder: Path) -> Bundle:
    """Read a bundle.

    Raises:
        BundleError: A file is missing or damaged, or the format is another.
    """
    try:
        stated = json.loads((folder / MANIFEST).read_text())
        if stated["format"] != FORMAT:
            raise BundleError(f"a bundle's format must be {FORMAT}, got: {stated['format']!r}")
        # LightGBM ends the whole process over a file that is cut short: it sees none that changed.
        contents = _contents(folder)
        if changed := [name for name in contents if contents[name] != stated["files"][name]]:
            raise BundleError(f"a bundle's files must be as they were saved, changed: {changed}")
        boosters = {n: lgb.Booster(model_file=str(folder / f"{n}.txt")) for n in _BOOSTERS}
        return _from_manifest(stated, boosters)
    except BundleError:
        raise
    except (OSError, KeyError, TypeError, ValueError, lgb.basic.LightGBMError) as error:
        what = f"{type(error).__name__}: {error}"
        raise BundleError(f"the bundle in {folder} cannot be read: {what}") from error


def digest(folder: Path) -> str:
    """The SHA-256 of all files of a bundle, names included: what a decision names."""
    total = hashlib.sha256((folder / MANIFEST).read_bytes())
    for name, content in _contents(folder).items():
        total.update(f"{name} {content}\n".encode())
    return total.hexdigest()[:32]


def _contents(folder: Path) -> dict[str, str]:
    """The SHA-256 of each booster's file, by the file's name."""
    names = [f"{booster}.txt" for booster in _BOOSTERS]
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}


def _from_manifest(stated: dict[str, Any], boosters: dict[str, lgb.Booster]) -> Bundle:
    churn, clv, time, effects = (stated[k] for k in ("churn", "clv", "send_time", "effects"))
    return Bundle(
        churn=ChurnModel(
            booster=boosters["churn"],
            calibration=Calibration(churn["slope"], churn["intercept"]),
            horizon_days=churn["horizon_days"],
            active_days=churn["active_days"],
            estimand=churn["estimand"],
        ),
        clv=ClvModel(
            any_order=boosters["clv_any_order"],
            start=OwnRate(**_tuples(clv["start"])),
            spend_if_any=boosters["clv_spend_if_any"],
            interval=Interval(**_tuples(clv["interval"])),
            margin_rate=clv["margin_rate"],
            horizon_days=clv["horizon_days"],
        ),
        send_time=SendTimeModel(**time | {"population": np.array(time["population"])}),
        effects=DeclaredEffects(
            arms=tuple((action, channel) for action, channel in effects["arms"]),
            share=np.array(effects["share"], np.float64),
            sd=np.array(effects["sd"], np.float64),
        ),
        features=dict(stated["features"]),
        usual=stated["usual"],
        business=stated["business"],
        policy=stated["policy"],
        made_at=stated["made_at"],
    )


def _tuples(members: dict[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in members.items()}
