"""Requirements of AI Workflow for Imaging (AIW-I), and of profiles of which tbscreen does a part.

AIW-I is a supplement of the IHE Radiology Technical Framework.
"""

from __future__ import annotations

from typing import Final

from pydicom.uid import GrayscaleSoftcopyPresentationStateStorage

from dicom_gateway.conformance import capabilities
from dicom_gateway.conformance.ai_results import AIR
from dicom_gateway.conformance.capabilities import sends
from dicom_gateway.conformance.requirements import (
    COMMITTED,
    SAME_TIME,
    STORED,
    Actor,
    Requirement,
    always,
    never,
)

AIWI: Final = Actor(
    "AI Workflow for Imaging (AIW-I)",
    "Task Performer",
    "Rev. 1.1, 2020-08-06, Trial Implementation",
    (
        Requirement(
            "RAD TF-1: 50.1.1.3",
            "one of pull, triggered pull and push workflow",
            capabilities.claims_steps,
            "work begins when a film arrives (C-STORE, STOW-RS) or a schedule finds it in a PACS (C-FIND)",
            "none of the three: a Task Manager cannot give work to tbscreen",
        ),
        Requirement(
            "[RAD-81] Query, [RAD-82] Claim, [RAD-83] Get, [RAD-84] Update, [RAD-85] Complete UPS Workitem",
            "steps are found at the Task Manager, claimed, filled in and completed (UPS-RS or UPS Pull)",
            capabilities.claims_steps,
            "nothing",
            "no UPS as SCU or user agent",
        ),
        Requirement(
            "[RAD-86] Manage UPS Subscription, [RAD-87] Send UPS Notification, [RAD-109] Open Event Channel",
            "events of the Task Manager are subscribed to and received, for triggered pull",
            never,
            "nothing",
            "no UPS Watch or UPS Event, no WebSocket",
            optional=True,
        ),
        Requirement(
            "[RAD-80] Create UPS Workitem",
            "a step is taken from a Task Manager that creates it, for push",
            never,
            "nothing; UPS Push is not accepted",
            "no UPS Push",
            optional=True,
        ),
        Requirement(
            "[RAD-16] Retrieve Images",
            "inputs are fetched as Input Information Sequence (0040,4021) says",
            capabilities.claims_steps,
            "films are fetched by C-GET or C-MOVE, of studies that a query finds, not of a workitem",
            "no workitem whose inputs would be fetched",
        ),
        STORED,
        Requirement(
            "[RAD-85] Complete UPS Workitem",
            "Output Information Sequence (0040,4033) names the created instances",
            never,
            "created objects are known to `tbscreen deliveries` and the archive",
            "no workitem that could name them",
        ),
        Requirement(
            "Appendix V",
            "results repeat the identity and order attributes of the workitem",
            never,
            "they repeat those of the film",
            "Request Attributes of a workitem are not known",
        ),
        SAME_TIME,
    ),
)
"""The performer of tasks that a worklist gives."""

TASK_MANAGER: Final = Actor(
    "AI Workflow for Imaging (AIW-I)",
    "Task Manager",
    "Rev. 1.1, 2020-08-06, Trial Implementation",
    (
        Requirement(
            "[RAD-81] Query UPS Workitems",
            "queries for steps are answered",
            capabilities.answers_step_queries,
            "C-FIND of UPS Query (UPS Pull by a setting): a step for each study that a person is to read",
            "no query",
        ),
        Requirement(
            "[RAD-80], [RAD-82] to [RAD-87], [RAD-109]",
            "steps are created, claimed, read, updated, completed and watched by others; all three workflows",
            never,
            "N-GET and N-ACTION are answered with a status that refuses them",
            "the worklist is read only; a study is read on the page or by REST",
        ),
    ),
)
"""The keeper of a worklist; ours is the radiologist's, not one of inference tasks."""

OTHERS: Final = (
    Actor(
        "Scheduled Workflow.b (SWF.b)",
        "Evidence Creator",
        "RAD TF-1: 34",
        (STORED, COMMITTED, SAME_TIME),
    ),
    Actor(
        "Evidence Documents (ED)",
        "Evidence Creator",
        "RAD TF-1",
        (STORED, COMMITTED),
    ),
    Actor(
        "Consistent Presentation of Images (CPI)",
        "Evidence Creator",
        "RAD TF-1: 5",
        (
            Requirement(
                "[RAD-19] Creator Presentation State Stored",
                "presentation states are stored",
                sends(GrayscaleSoftcopyPresentationStateStorage),
                "`gsps`, with the film's own transforms",
                "no presentation state",
            ),
            COMMITTED,
        ),
    ),
    Actor(
        "Audit Trail and Node Authentication (ATNA)",
        "Secure Application",
        "ITI TF-1: 9",
        (
            Requirement(
                "[ITI-19] Authenticate Node",
                "TLS with certificates on both sides, on every connection with patient data",
                never,
                "TLS by settings on DIMSE, DICOMweb, HL7 and page (BCP 195), with client certificates on the "
                "first three",
                "the page knows persons by password, and programs by token; plain ports may stay open",
            ),
            Requirement(
                "[ITI-20] Record Audit Event",
                "audit messages to an Audit Record Repository",
                always,
                "messages of PS3.15 A.5, by syslog over TLS or UDP",
                "no audit",
            ),
            SAME_TIME,
        ),
    ),
    Actor(
        "Invoke Image Display (IID)",
        "Image Display",
        "RAD TF-1",
        (
            Requirement(
                "[RAD-106] Invoke Image Display",
                "a URL with `requestType` and `studyUID` or `patientID` opens the images",
                never,
                "a study of the page has a URL of its own, which HL7 messages carry (`hl7.page_url`)",
                "the parameters of RAD-106 are not understood",
            ),
        ),
    ),
)
"""Profiles of which tbscreen does a part."""

ACTORS: Final = (AIR, AIWI, TASK_MANAGER, *OTHERS)
