"""BG/NBD's maximum likelihood beside that of lifetimes, which needs old versions of numpy."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from models.btyd import Histories
from training.btyd import beta_geometric

NEEDED = (
    "lifetimes==0.11.3", "numpy==1.23.5", "scipy==1.10.1", "pandas==1.5.3", "autograd==1.9.1",
    "dill==0.4.1",
)  # fmt: skip
ROUNDS = 5
FIT = """
import json, sys, time, warnings
import numpy as np
from lifetimes import BetaGeoFitter
warnings.simplefilter("ignore")
rows = np.load(sys.argv[1])
for _ in sys.stdin:
    model = BetaGeoFitter()
    started = time.perf_counter()
    model.fit(rows["frequency"], rows["t_x"], rows["age"])
    print(json.dumps(time.perf_counter() - started), flush=True)
"""


def race(histories: Histories, folder: Path) -> dict[str, float]:
    """The least seconds that a fit took, ours and theirs in turn.

    Raises:
        ImportError: Their environment cannot be made.
    """
    python = environment(folder)
    np.savez(folder / "rows.npz", frequency=histories.frequency, t_x=histories.t_x,
             age=histories.age)  # fmt: skip
    ours, theirs = [], []
    with subprocess.Popen(
        [python, "-c", FIT, folder / "rows.npz"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as peer:
        assert peer.stdin is not None
        assert peer.stdout is not None
        for _ in range(ROUNDS):
            started = time.perf_counter()
            beta_geometric.fit(histories)
            ours.append(time.perf_counter() - started)
            print(file=peer.stdin, flush=True)
            theirs.append(float(json.loads(peer.stdout.readline())))
        peer.stdin.close()
    return {"bocian": round(min(ours), 4), "lifetimes": round(min(theirs), 4)}


def environment(folder: Path) -> Path:
    """A Python that has lifetimes and what it needs; made once."""
    python = folder / "bin" / "python"
    ready = folder / "ready"
    if ready.exists():
        return python
    uv = Path(sys.executable).with_name("uv")
    try:
        own = ["--quiet", "--python"]
        subprocess.run([uv, "venv", "--clear", *own, sys.executable, folder], check=True)
        subprocess.run([uv, "pip", "install", *own, python, *NEEDED], check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise ImportError(f"lifetimes' own environment could not be made: {error}") from error
    ready.touch()
    return python
