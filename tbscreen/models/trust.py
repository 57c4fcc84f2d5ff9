"""Trust in a registered bundle: by the package, by a site key's signature, or by a person's reason."""

from __future__ import annotations

from sqlalchemy.orm import Session

from db.models import admissions, site_keys
from domain.bundle.seal import Seal
from domain.codes import GoldenOrigin, Trust
from domain.errors import PermanentError
from domain.languages.sentence import say
from tbscreen.models.signing import is_signed

WORDS = {
    Trust.SHIPPED: "it came with tbscreen",
    Trust.BEFORE: "it was registered before bundles were signed",
}


def describe_trust(session: Session, digest: str) -> str | None:
    """Return the reason why a bundle is trusted, in words; None for a bundle that is not trusted.

    A signature counts as long as its key is trusted.
    """
    entry = admissions.find(session, digest)
    if entry.trust == Trust.REASON:
        return f"{entry.trusted_by}: {entry.trust_reason}"
    if entry.trust is not None:
        return WORDS[Trust(entry.trust)]
    names = {key.public_key: key.name for key in site_keys.list_site_keys(session) if key.revoked_at is None}
    for signature in admissions.list_signatures(session, digest):
        if signature.public_key in names and is_signed(digest, entry.golden_scores or (), signature):
            return f"signed with the key {names[signature.public_key]} ({signature.public_key[:12]})"
    return None


def check_reason(reason: str | None) -> None:
    """Check that a reason, where a person gives one, says something.

    Raises:
        PermanentError: for a blank one.
    """
    if reason is not None and not reason.strip():
        raise PermanentError(say('--trust needs a reason, which is recorded: --trust "REASON"'))


def require_trust(session: Session, digest: str, reason: str | None, by: str) -> str | None:
    """Trust a bundle for a reason that a person gives, unless it is trusted already.

    Returns:
        The reason, if it was needed and is recorded now.

    Raises:
        PermanentError: when it is not trusted and there is no reason.
    """
    check_reason(reason)
    if describe_trust(session, digest) is not None:
        return None
    if reason is None:
        raise PermanentError(
            say(
                "{bundle} is not trusted: no trusted site key has signed it. Have it signed by a key that is "
                "trusted here ('tbscreen models seal --key', 'tbscreen keys trust') and add it again, or say "
                'why you trust it: --trust "REASON"',
                bundle=digest[:12],
            )
        )
    admissions.trust(session, digest, Trust.REASON, by, reason)
    return reason


def keep_seal(session: Session, seal: Seal) -> None:
    """Keep the golden scores and signatures of a registered bundle."""
    admissions.keep_golden_scores(session, seal.bundle, seal.golden_scores, GoldenOrigin.SEAL)
    for signature in seal.signatures:
        admissions.keep_signature(session, seal.bundle, signature)
