"""A process that sends: opens the installation in a folder and delivers what is due, until a file says that it is enough."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from retinue.actor import Actor
from retinue.app import open_house
from retinue.config import Config
from retinue_email.courier import Courier, Post
from retinue_email.transport import SmtpPlace, SmtpTransport


def main() -> None:
    """Do what the arguments say."""
    folder, url, port, lines, enough = sys.argv[1:]
    config = Config.for_folder(Path(folder), dict(os.environ), database={"url": url})
    place = SmtpPlace("127.0.0.1", int(port), "none", hello="crm.example")
    with open_house(config) as house:
        with house.store(Actor.system("sender"), plugin="email", readonly=True) as store:
            opener = store.opener("email")
        courier = Courier(Post(SmtpTransport(place), int(lines)))
        while not Path(enough).exists():
            if not courier.deliver(opener):
                time.sleep(0.05)


if __name__ == "__main__":
    main()
