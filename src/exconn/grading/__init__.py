"""Grading: facts and signals become a verdict with its evidence."""

from exconn.grading.actions import Action, ActionId, Phase
from exconn.grading.evidence import Evidence, HourOfMail, Sender, Tally, Total
from exconn.grading.findings import Answer, Answered, Finding, State
from exconn.grading.hunted import Hunt
from exconn.grading.outlook import Considered, Flip, Look
from exconn.grading.policy import Policy
from exconn.grading.radius import Click, Clicks, Radius, SimilarMail, Tie, TouchedConnector
from exconn.grading.result import SCHEMA_VERSION, Grade
from exconn.grading.run import grade, grade_records, hunt
from exconn.grading.schema import grade_schema
from exconn.grading.timeline import Event
from exconn.grading.verdict import Classification, Determination

__all__ = [
    "SCHEMA_VERSION",
    "Action",
    "ActionId",
    "Answer",
    "Answered",
    "Classification",
    "Click",
    "Clicks",
    "Considered",
    "Determination",
    "Event",
    "Evidence",
    "Finding",
    "Flip",
    "Grade",
    "HourOfMail",
    "Hunt",
    "Look",
    "Phase",
    "Policy",
    "Radius",
    "Sender",
    "SimilarMail",
    "State",
    "Tally",
    "Tie",
    "Total",
    "TouchedConnector",
    "grade",
    "grade_records",
    "grade_schema",
    "hunt",
]
