"""Bar 9: from the serving lock alone, `bocian serve` from nothing to the first answer."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from business import made
from client import decide, load
from frame import Bar, tell
from servers import drawn

from bocian import wiring
from bocian.commands.running import free_port
from bocian.settings import load as read_settings

ROOT = Path(__file__).parents[2]
SECONDS, MEGABYTES, STARTS = 6.0, 400, 5
WARM_AFTER_S = 5.0
"""By then all events that stay in memory are decoded."""
UNWANTED = {"pandas", "scikit-learn", "mlflow", "shap", "optuna"}
WHICH = "from importlib.metadata import distributions as d; print(*(x.name for x in d()))"


def bar_9(folder: Path) -> Bar:
    """The median of a few starts; installing is not timed, nor what is compiled once for good.

    What memory it is once all events are decoded is told, too.
    """
    config = made(folder.absolute())
    with tempfile.TemporaryDirectory(dir=folder) as kept:
        python = _installed(Path(kept).absolute() / "venv")
        there = subprocess.run([python, "-c", WHICH], capture_output=True, text=True, check=True)
        ledger = Path(kept).absolute() / "ledger.db"
        settings = read_settings(config)
        wiring.ledger(settings).close()
        shutil.copy(config.parent / settings.paths.ledger, ledger)
        who = iter(drawn(settings))
        _start(python, config, ledger, next(who))  # compiles kernel and sources into their caches
        starts = [_start(python, config, ledger, next(who)) for _ in range(STARTS)]
    seconds, megabytes, warm = (sorted(column)[STARTS // 2] for column in zip(*starts, strict=True))
    value = {
        "seconds": round(seconds, 2),
        "megabytes": round(megabytes),
        "megabytes_warm": round(warm),
        "unwanted": sorted(UNWANTED.intersection(there.stdout.split())),
        "load_average": os.getloadavg()[0],
    }
    return Bar(
        value=value,
        bar=f"seconds <= {SECONDS:g} and megabytes <= {MEGABYTES}",
        met=seconds <= SECONDS and megabytes <= MEGABYTES,
    )


def _installed(venv: Path) -> str:
    """An environment with what serving needs, compiled as pip leaves it, and this checkout."""
    uv = str(Path(sys.executable).with_name("uv"))
    python = str(venv / "bin" / "python")
    subprocess.run([uv, "venv", "-q", "--python", sys.executable, str(venv)], check=True)
    install = [uv, "pip", "install", "-q", "--compile-bytecode", "--link-mode", "copy"]
    install += ["--python", python]
    lock = str(ROOT / "requirements-serve.lock")
    subprocess.run([*install, "--require-hashes", "-r", lock], check=True)
    (site,) = (venv / "lib").glob("python*/site-packages")
    (site / "bocian.pth").write_text(f"{ROOT}\n")
    return python


def _start(python: str, config: Path, ledger: Path, customer_id: str) -> tuple[float, float, float]:
    """Seconds to the first decision, and the memory of all processes then and once warm, in MB."""
    port = free_port()
    words = [python, "-m", "bocian.cli", "serve", "--config", str(config), "--port", str(port)]
    surroundings = os.environ | {"BOCIAN_PATHS__LEDGER": str(ledger)}
    surroundings.pop("PYTHONDONTWRITEBYTECODE", None)  # or each start compiles all that it imports
    started = time.perf_counter()
    process = subprocess.Popen(
        words, env=surroundings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while True:
            try:
                load(port, [decide(customer_id)], 1)
            except (ConnectionError, RuntimeError, IndexError):
                if time.perf_counter() - started > 120:
                    raise
                time.sleep(0.02)
            else:
                break
        seconds = time.perf_counter() - started
        megabytes = _megabytes(process)
        time.sleep(WARM_AFTER_S)
        warm = _megabytes(process)
    finally:
        family = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        process.wait()
        psutil.wait_procs(family, timeout=20)
    tell({"seconds": round(seconds, 2), "megabytes": round(megabytes), "warm": round(warm)})
    return seconds, megabytes, warm


def _megabytes(process: subprocess.Popen[bytes]) -> float:
    """Of all its processes; what they share counts once (proportional set size)."""
    parent = psutil.Process(process.pid)
    family = [parent, *parent.children(recursive=True)]
    return float(sum(one.memory_full_info().pss for one in family) / 1e6)
