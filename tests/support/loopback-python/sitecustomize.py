"""Every way out of a Python process of the tests but to this machine is refused, and noted in the file
OUTSIDE_DIALS."""

import os
import re
import sys

LOOPBACK = re.compile(r"(127\.\d+\.\d+\.\d+|localhost|::1|0\.0\.0\.0|::|)")
HOST = {
    "socket.connect": 1,
    "socket.sendto": 1,
    "socket.sendmsg": 1,
    "socket.getaddrinfo": 0,
    "socket.gethostbyname": 0,
}


def refuse_outside(event, arguments):
    place = HOST.get(event)
    if place is None:
        return
    address = arguments[place]
    host = address[0] if isinstance(address, tuple) else address if place == 0 else None
    if isinstance(host, bytes):
        host = host.decode()
    if host is None or LOOPBACK.fullmatch(host):
        return
    notes = os.environ.get("OUTSIDE_DIALS")
    if notes is not None:
        with open(notes, "a") as file:
            file.write(host + "\n")
    raise OSError(101, f"A connection to {host} was refused: tests stay on this machine.")


sys.addaudithook(refuse_outside)
