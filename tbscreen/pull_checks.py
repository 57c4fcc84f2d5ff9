"""What `tbscreen doctor` looks at for `[[pulls]]`: does the PACS answer queries, and how does it send?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tbscreen.check import Check, Health
from tbscreen.settings import Settings

ANSWER_S = 10.0


def examine_pulls(settings: Settings) -> Iterator[Check]:
    """Yield one check for each schedule; the peer is called, and asked for nothing."""
    from dicom_gateway.pull_association import PullAssociation, PullError
    from tbscreen.pulling import build_calling

    peers = {peer.name: peer for peer in settings.peers}
    calling = replace(build_calling(settings, settings.pull, None), answer_timeout_s=ANSWER_S)
    for schedule in settings.pulls:
        part = f"pull {schedule.name}"
        try:
            association = PullAssociation(peers[schedule.peer], calling, None)
        except PullError as error:
            advice = f"on the PACS, allow AE title {calling.ae_title} to query and retrieve; see docs/pull.md"
            yield Check(part, Health.BAD, str(error), advice)
            continue
        method = association.method
        association.release()
        if method == "get":
            yield Check(part, Health.GOOD, f"{schedule.peer} takes C-FIND and C-GET")
        else:
            destination = calling.destination_ae_title
            finding = f"{schedule.peer} takes C-FIND and C-MOVE; it has to know destination {destination}"
            yield Check(part, Health.GOOD, finding)
