"""Run the kills and print a table of them."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from random import Random

from activities import ACTIVITIES
from harness import Tally, kill_one
from retraining import Retrain

from napari_echo.io.store_index import CACHE_VARIABLE


def main() -> int:
    """Kill, check, and print; 1 where anything was lost."""
    parser = argparse.ArgumentParser(prog="python tests/faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", help="name of one activity")
    parser.add_argument("--keep", type=Path, help="folder to keep what failed in")
    options = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="napari-echo-faults-"))
    # The index of the stores, too, is killed here and nowhere else.
    os.environ[CACHE_VARIABLE] = str(root / "cache")

    named = [*ACTIVITIES, Retrain()]
    chosen = ACTIVITIES if options.only is None else [a for a in named if a.name == options.only]
    if not chosen:
        parser.error(f"no activity {options.only!r}: {', '.join(a.name for a in named)}")
    tallies = {activity.name: Tally() for activity in chosen}
    rng, began = Random(options.seed), time.monotonic()
    try:
        for number in range(options.kills):
            activity = chosen[number % len(chosen)]
            tally, place = tallies[activity.name], root / f"kill-{number}"
            failed = len(tally.failures)
            kill_one(activity, place, options.seed * 1_000_003 + number, rng, tally)
            if options.keep is not None and len(tally.failures) > failed:
                shutil.copytree(place, options.keep / place.name)
            shutil.rmtree(place)
    finally:
        shutil.rmtree(root, ignore_errors=True)
    print(f"{'activity':<16}{'kills':>7}{'promises':>10}{'leftovers':>11}{'failures':>10}")
    for name, tally in tallies.items():
        counts = f"{tally.kills:>7}{tally.promises:>10}{tally.leftovers:>11}"
        print(f"{name:<16}{counts}{len(tally.failures):>10}")
    failures = [sentence for tally in tallies.values() for sentence in tally.failures]
    total = sum(tally.kills for tally in tallies.values())
    print(f"{total} kills in {time.monotonic() - began:.0f} s, {len(failures)} failures")
    for sentence in failures:
        print(f"  {sentence}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
