"""Timeouts for connections whose other end vanished without a word: a pulled cable, a firewall that forgot.

TCP alone waits a quarter of an hour for an acknowledgement, and for ever on a connection that is idle.
"""

from __future__ import annotations

import socket
from typing import Final

IDLE_S: Final = 15
"""Pause after which an idle connection is probed."""
PROBE_EVERY_S: Final = 5
PROBES: Final = 3
"""Probes without an answer after which a connection is over: half a minute after the last sign of life."""
UNACKNOWLEDGED_S: Final = 30
"""Longest time without an acknowledgement of what was sent."""

SOCKET_OPTIONS: Final = {
    socket.TCP_KEEPIDLE: IDLE_S,
    socket.TCP_KEEPINTVL: PROBE_EVERY_S,
    socket.TCP_KEEPCNT: PROBES,
    socket.TCP_USER_TIMEOUT: UNACKNOWLEDGED_S * 1000,
}
"""Options of level IPPROTO_TCP (tcp(7)); with SO_KEEPALIVE."""
