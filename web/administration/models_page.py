"""The pages on models: which is used for what, activation, rollback, shadow, comparison, thresholds."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import structlog
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from db.database import Database
from db.models import activations, bundles, site_thresholds
from db.models.bundles import RegisteredModel
from db.models.shadow_screenings import measure_agreement
from domain.errors import PermanentError, TransientError
from domain.languages.sentence import join_statements, say
from web.access.audit import AuditTrail, ChangeKind, find_address
from web.access.authentication import Visit
from web.administration.administration_page import AdministrationPage
from web.administration.background import Background
from web.administration.installation import Installation, ModelChange
from web.administration.question import ask_first
from web.pages.form_values import take_number
from web.pages.pages import Pages

LOG = structlog.get_logger(__name__)

HERE: Final = "/administration/models"
DIGEST: Final = re.compile(r"[0-9a-f]{64}")
LONGEST_REASON: Final = 500


class ModelsPage(AdministrationPage):
    """The pages under `/administration/models` and `/administration/thresholds`."""

    def __init__(
        self, database: Database, pages: Pages, audit: AuditTrail, installation: Installation
    ) -> None:
        super().__init__(database, pages, audit, installation)
        self.models = installation.models
        self.work: Background[ModelChange] = Background()

    def show(self, visit: Visit) -> Response:
        """Show the bundles, the shadow and the site thresholds."""
        return self._show(visit)

    def show_model(self, visit: Visit) -> Response:
        """Show one bundle with all its figures, and what can be done with it."""
        digest = _take_digest(visit)
        try:
            sheet = self.models.write_sheet(digest)
            with self.database.read() as session:
                listed = bundles.list_models(session)
                changes = site_thresholds.list_changes(session, digest)
            model = next(model for model in listed if model.digest == digest)
            active = next((other for other in listed if other.active), None)
            comparison = self._compare(model, active)
        except PermanentError as error:
            raise HTTPException(404, say("{reason}.", reason=str(error))) from None
        context = {
            "model": model,
            "sheet": sheet,
            "comparison": comparison,
            "has_threshold": bool(changes) and changes[0].name is not None,
            "changes": changes,
        }
        return self.render(visit, "model", context)

    def show_threshold(self, visit: Visit) -> Response:
        """Show one site threshold with all its figures."""
        number = take_number(visit, "threshold")
        with self.database.read() as session:
            entries = site_thresholds.list_site_thresholds(session)
        entry = next((entry for entry in entries if entry.calibration_id == number), None)
        if entry is None:
            raise HTTPException(404, say("There is no threshold {number}.", number=number))
        try:
            sheet, trouble = self.models.write_threshold(number), None
        except PermanentError as error:
            sheet, trouble = None, say("Its figures are not shown: {reason}.", reason=str(error))
        context = {"entry": entry, "sheet": sheet, "message": trouble, "is_problem": True}
        return self.render(visit, "threshold", context)

    def activate(self, visit: Visit) -> Response:
        """Examine a bundle in the background, and screen new films with it."""
        digest, by = _take_digest(visit), visit.user.name
        force, trust = _take_reason(visit, "force"), _take_reason(visit, "trust")
        question = say(
            "Bundle {bundle} is examined, which takes a minute or more. If nothing speaks against it, "
            "it screens all new films; films on their way keep their bundle.",
            bundle=digest[:12],
        )
        return self._begin(
            visit, question, say("Activate"), digest, lambda: self.models.activate(digest, by, force, trust)
        )

    def put_in_shadow(self, visit: Visit) -> Response:
        """Examine a bundle in the background, and let it score films beside the active one."""
        digest, by, trust = _take_digest(visit), visit.user.name, _take_reason(visit, "trust")
        question = say(
            "Bundle {bundle} is examined, which takes a minute or more, and then scores every film "
            "beside the active one, unreported. A bundle that is in the shadow now leaves it.",
            bundle=digest[:12],
        )
        return self._begin(
            visit,
            question,
            say("Put in the shadow"),
            digest,
            lambda: self.models.put_in_shadow(digest, by, trust),
        )

    def roll_back(self, visit: Visit) -> Response:
        """Activate the bundle that was active before."""
        question = say("The bundle that was active before screens all new films, without an examination.")
        return self._do(visit, question, say("Roll back"), lambda: self.models.roll_back(visit.user.name))

    def end_shadow(self, visit: Visit) -> Response:
        """Take the bundle out of the shadow."""
        question = say("The bundle in the shadow scores no further films; what it scored is kept.")
        return self._do(visit, question, say("End the shadow"), self.models.end_shadow)

    def use_threshold(self, visit: Visit) -> Response:
        """Judge new films by a site threshold."""
        number, by, reason = take_number(visit, "threshold"), visit.user.name, _take_reason(visit, "reason")
        question = say(
            "New films are judged by threshold {number}; films on their way keep theirs. All workers must "
            "run this version.",
            number=number,
        )
        return self._do(visit, question, say("Use it"), lambda: self.models.use_threshold(number, by, reason))

    def roll_back_threshold(self, visit: Visit) -> Response:
        """Judge new films of a bundle as before its last change of the threshold."""
        digest, by = _take_digest(visit), visit.user.name
        question = say("New films are judged by the threshold before the last change, or the bundle's own.")
        return self._do(
            visit, question, say("Roll back"), lambda: self.models.roll_back_threshold(digest, by)
        )

    def _begin(
        self, visit: Visit, question: str, button: str, digest: str, work: Callable[[], ModelChange]
    ) -> Response:
        asked = ask_first(self.pages, visit, question, button, f"{HERE}/{digest}")
        if asked:
            return asked
        user, address = visit.user.name, find_address(visit.request)

        def carry_out() -> ModelChange:
            change = work()
            self._record(user, address, change)
            return change

        if not self.work.start(say("{action}: {bundle}", action=button, bundle=digest[:12]), user, carry_out):
            raise HTTPException(409, say("Not done: another bundle is being examined. Wait until it ends."))
        return RedirectResponse(f"{HERE}#work", 303)

    def _do(self, visit: Visit, question: str, button: str, change: Callable[[], ModelChange]) -> Response:
        asked = ask_first(self.pages, visit, question, button, HERE)
        if asked:
            return asked
        try:
            done = change()
        except (PermanentError, TransientError) as error:
            return self._show(visit, say("Not done: {reason}.", reason=str(error)), is_problem=True)
        self._record(visit.user.name, find_address(visit.request), done)
        return self._show(visit, join_statements(done.told))

    def _record(self, user: str, address: str, change: ModelChange) -> None:
        if change.record:
            self.audit.record_change(user, address, ChangeKind.SOFTWARE, change.record)
            LOG.info("models changed", change=change.record, by=user)

    def _compare(self, model: RegisteredModel, active: RegisteredModel | None) -> str | None:
        if active is None or active.digest == model.digest:
            return None
        return self.models.write_comparison(model.digest, active.digest)

    def _show(self, visit: Visit, message: str | None = None, *, is_problem: bool = False) -> Response:
        with self.database.read() as session:
            shadow = bundles.find_shadow(session)
            context = {
                "models": bundles.list_models(session),
                "previous": activations.find_previous(session),
                "shadow": shadow,
                "agreement": None if shadow is None else measure_agreement(session, shadow.digest),
                "thresholds": site_thresholds.list_site_thresholds(session),
                "work": self.work.newest,
                "message": message,
                "is_problem": is_problem,
            }
        return self.render(visit, "models", context, 422 if is_problem else 200)


def _take_digest(visit: Visit) -> str:
    digest = str(visit.request.path_params["digest"])
    if not DIGEST.fullmatch(digest):
        raise HTTPException(404, say("There is no such bundle."))
    return digest


def _take_reason(visit: Visit, name: str) -> str | None:
    return visit.form.get(name, "").strip()[:LONGEST_REASON] or None
