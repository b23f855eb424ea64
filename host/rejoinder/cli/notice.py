"""Word to the service manager that started us, systemd with `Type=notify` (sd_notify(3)); without one, to nobody."""

import os
import socket


def notify(state: str) -> None:
    """Tell it our state, such as READY=1. A manager that does not listen is no reason not to serve."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address or not hasattr(socket, "AF_UNIX"):
        return
    if address.startswith("@"):  # Linux's abstract names, which no file stands for
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.sendto(state.encode(), address)
    except OSError:
        return
