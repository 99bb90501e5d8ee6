"""Facts: numbers about a connector, an actor or a sender. They carry no opinion.

`queries` reduce the tables where they are; `survey` and `assess` run them and compute, from their
small rows, one row of `FACTS` for each connector and window.
"""

from exconn.facts.fact import Fact, Unit
from exconn.facts.inventory import FACT_TABLES, FACTS, READS
from exconn.facts.judgement import Judgement
from exconn.facts.survey import Assessment, Survey, assess, survey, survey_of
from exconn.facts.who import WhoIsWho, who_is_who

__all__ = [
    "FACTS",
    "FACT_TABLES",
    "READS",
    "Assessment",
    "Fact",
    "Judgement",
    "Survey",
    "Unit",
    "WhoIsWho",
    "assess",
    "survey",
    "survey_of",
    "who_is_who",
]
