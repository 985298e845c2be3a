"""Brands that one service serves together: each a business of its own, with nothing in common.

What keeps them apart is that nothing is shared: no ledger, no file, no key and no secret. What
their configurations say is held to that here, before anything is opened.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from bocian.settings import Settings, SettingsError, load

_SAME: dict[str, Callable[[Settings], object]] = {
    "service.host": lambda one: one.service.host,
    "service.port": lambda one: one.service.port,
}
_OWN: dict[str, Callable[[Settings], object]] = {
    "service.brand": lambda one: one.service.brand,
    "policy.secret": lambda one: one.policy.secret,
    "paths.store": lambda one: one.path("store").resolve(),
    "paths.features": lambda one: one.path("features").resolve(),
    "paths.scores": lambda one: one.path("scores").resolve(),
    "paths.bundles": lambda one: one.path("bundles").resolve(),
    "paths.reports": lambda one: one.path("reports").resolve(),
    "paths.outbox": lambda one: one.path("outbox").resolve(),
    "paths.ledger": lambda one: one.ledger_url,
    "paths.mlflow": lambda one: one.mlflow_uri,
}


def load_all(configs: Sequence[Path]) -> tuple[Settings, ...]:
    """Read the configuration of one business, or of several brands that are served together.

    Raises:
        SettingsError: One is wrong, or several are not each other's strangers: keys, a brand's name
            and an own value of everything in which data or chance lies, at one host and port.
    """
    loaded = tuple(load(config) for config in configs)
    if len(loaded) == 1:
        return loaded
    for config, one in zip(configs, loaded, strict=True):
        if one.service.brand is None:
            raise SettingsError(
                f'{config} must name its brand under [service], such as brand = "north", where '
                f"{len(loaded)} are served together; got none"
            )
        if not one.service.require_keys:
            raise SettingsError(
                f"{config} must say require_keys = true under [service] where {len(loaded)} brands "
                "are served together: the key says whose customers are meant; got false"
            )
    for name, value in _SAME.items():
        if len(told := {str(value(one)) for one in loaded}) > 1:
            raise SettingsError(
                f"{name} must be the same for brands that are served together, got: {sorted(told)}"
            )
    for name, value in _OWN.items():
        values = [value(one) for one in loaded]
        for nth, found in enumerate(values):
            if found in values[:nth]:
                raise SettingsError(
                    f"{name} must be each brand's own where several are served together, got for "
                    f"{configs[values.index(found)]} and {configs[nth]}: {found}"
                )
    return loaded
