"""A worker process of a test installation: small batches, so that there is a middle to be killed in."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import retinue_io.plan
from retinue.app import open_house
from retinue.testing.house import make_config

if __name__ == "__main__":
    folder, url, batch = sys.argv[1:]
    retinue_io.plan.CREATE_BATCH = int(batch)
    with open_house(make_config(Path(folder), url)) as house, house.work():
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        time.sleep(600)
