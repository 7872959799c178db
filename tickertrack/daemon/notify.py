"""What systemd is told: ready, alive, stopping (sd_notify(3), a socket's worth of code)."""

from __future__ import annotations

import os
import socket
from contextlib import suppress

__all__ = ["keep_alive_seconds", "notify"]


def notify(*lines: str) -> None:
    """Send lines such as `READY=1` to the service manager; without one, to nobody."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    # A manager that does not listen is no reason to stop working.
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.connect(f"\0{address[1:]}" if address.startswith("@") else address)
        channel.send("\n".join(lines).encode())


def keep_alive_seconds() -> float | None:
    """Give how often `WATCHDOG=1` is due: each half of what the manager allows."""
    allowed = os.environ.get("WATCHDOG_USEC", "")
    meant = os.environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    return int(allowed) / 2_000_000 if allowed.isdigit() and meant else None
