"""Events of which too little can be seen for anybody to tell."""

from exconn.testing.scenarios._scenario import Family

INSUFFICIENT: tuple[Family, ...] = ()
"""The families of events that nobody could judge."""
