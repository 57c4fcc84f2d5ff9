"""Changes of the bundle in use, for `tbscreen models` and the page: what is done, recorded and told."""

from __future__ import annotations

from db.database import Database
from db.models import bundles
from domain.languages.sentence import Sentence, say
from tbscreen.models import activation
from tbscreen.models.activation import Activated
from tbscreen.models.films_at_hand import describe_agreement
from tbscreen.models.model_change import ModelChange
from tbscreen.models.proof import prove
from training.judging.admission import describe


def activate(
    database: Database, word: str, by: str, *, force: str | None = None, trust: str | None = None
) -> ModelChange:
    """Examine a bundle and screen new films with it.

    Args:
        database: with the bundle registered.
        word: see `find_bundle`.
        by: the person.
        force: the reason that overrides an objection of the policy.
        trust: the reason to trust it although no trusted key has signed it.

    Raises:
        PermanentError: with the objection, or when it does not compute or is not trusted.
        TransientError: when another bundle has become active meanwhile.
    """
    proof = prove(database, word, by, trust)
    done = activation.activate(database, proof, by, force)
    forced = "" if done.objection is None else f"; forced: {force}"
    return ModelChange(f"bundle {proof.digest} activated; {proof.trust}{forced}", _tell(done))


def put_in_shadow(database: Database, word: str, by: str, *, trust: str | None = None) -> ModelChange:
    """Examine a bundle and let it score every film beside the active one, recorded and not reported.

    Raises:
        PermanentError: when it does not compute, is not trusted, or is the active one.
    """
    proof = prove(database, word, by, trust)
    model = activation.put_in_shadow(database, proof)
    told = say(
        "{bundle} runs in the shadow; {command} shows how it does",
        bundle=model.digest[:12],
        command="'tbscreen models shadow'",
    )
    return ModelChange(f"bundle {model.digest} put in the shadow; {proof.trust}", [told])


def end_shadow(database: Database) -> ModelChange:
    """Take the bundle out of the shadow; its results are kept."""
    with database.write() as session:
        ended = bundles.end_shadow(session)
    if ended is None:
        return ModelChange("", [say("no bundle ran in the shadow")])
    told = say("{bundle} left the shadow", bundle=ended[:12])
    return ModelChange(f"bundle {ended} taken out of the shadow", [told])


def roll_back(database: Database, by: str) -> ModelChange:
    """Activate the bundle that was active before the present one.

    Raises:
        PermanentError: when no bundle was active before, or when the gateways no longer make such arrays.
    """
    done = activation.roll_back(database, by)
    return ModelChange(f"bundle {done.model.digest} activated by a rollback", _tell(done))


def _tell(done: Activated) -> list[Sentence]:
    before, model = done.instead_of, done.model
    if before is not None and before.digest == model.digest:
        return [say("{bundle} is active already", bundle=model.digest[:12])]
    name = f"{model.name} {model.version}"
    told = [say("{bundle} is active: {name}", bundle=model.digest[:12], name=name)]
    if before is not None:
        name = f"{before.name} {before.version}"
        told.append(say("before: {bundle}, {name}", bundle=before.digest[:12], name=name))
    if done.comparison is not None:
        told += [describe(done.comparison), describe_agreement(done.agreement)]
    if done.objection is not None:
        told.append(say("forced; the reason is kept"))
    if not model.trained:
        told.append(say("it is untrained: its scores mean nothing"))
    return told
