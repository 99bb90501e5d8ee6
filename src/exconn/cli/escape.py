"""The one way in which text reaches the terminal."""

from exconn.unseen import visible

__all__ = ["visible"]
