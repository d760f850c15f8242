"""Ways to somebody: each kind of channel, the register of those that are set up, and the door to the network."""

from spanledger_server.notify.channels.kinds import KINDS, opened

__all__ = ["KINDS", "opened"]
