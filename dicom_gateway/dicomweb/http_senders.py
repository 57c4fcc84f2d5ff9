"""From the token or the client certificate of a request to its sender."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from typing import Final

from pydantic import TypeAdapter, ValidationError

from db.accounts import api_tokens
from db.accounts.api_tokens import TokenEntry
from db.database import Database
from dicom_gateway.association.ae_title import AeTitle
from dicom_gateway.association.film_sender import FilmSender
from dicom_gateway.dicomweb.dicomweb_settings import CertificateSenderSettings
from dicom_gateway.reception.admission import Admission
from dicom_gateway.reception.refusal_log import RefusalLog
from dicom_gateway.settings import GatewaySettings
from domain.errors import PermanentError
from domain.roles import Permission
from domain.secret_words import TOKEN_PREFIX, hash_secret

LONGEST_TOKEN: Final = 100

AE_TITLE: Final[TypeAdapter[str]] = TypeAdapter(AeTitle)


class SenderRefusedError(PermanentError):
    """The sender of a request is not known, or lacks its permission. Permanent.

    Args:
        status: HTTP status of the answer: 401 or 403.
        detail: for the sender.
    """

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


class HttpSenders:
    """Identifies the senders of requests.

    A sender has an AE title, by which the same rules hold as on the DICOM port: that of its certificate in
    `gateway.dicomweb.senders`, or the label of its token.

    Args:
        settings: callers, senders, our own AE title.
        database: holds the tokens.
        refusals: logs and audits refused senders.
        blinded_reading: the site's setting: whether readers read blinded whose own setting is none. Their
            tokens read nothing here, since worklist, reports and pictures tell the results.
    """

    def __init__(
        self,
        settings: GatewaySettings,
        database: Database,
        refusals: RefusalLog,
        *,
        blinded_reading: bool = False,
    ) -> None:
        assert settings.dicomweb is not None
        self._settings = settings
        self._senders = settings.dicomweb.senders
        self._admission = Admission(settings)
        self._database = database
        self._refusals = refusals
        self._blinded_reading = blinded_reading

    def identify(
        self, authorization: str, certificate_names: Collection[str], address: str, permission: Permission
    ) -> FilmSender:
        """Return the sender of a request.

        Args:
            authorization: the Authorization header; empty without one.
            certificate_names: names in the verified client certificate, in lower case; empty without one.
            address: address of the connection.
            permission: demanded by the request: `STORE` or `WORKLIST`.

        Raises:
            SenderRefusedError: when the sender is unknown or lacks the permission.
            sqlalchemy.exc.SQLAlchemyError: when the database is away.
        """
        try:
            title = self._find_title(authorization, certificate_names, permission)
            rejection = self._admission.judge_caller(title, address)
            if rejection is not None:
                raise SenderRefusedError(403, f"{title}: {rejection.value.meaning}")
        except SenderRefusedError as error:
            self._refusals.note("DICOMweb sender refused", address=address, reason=str(error))
            raise
        return FilmSender(title, address, secrets.token_hex(4), self._settings.ae_title)

    def _find_title(
        self, authorization: str, certificate_names: Collection[str], permission: Permission
    ) -> str:
        if authorization:
            token = self._find_token(authorization)
            if token is None:
                raise SenderRefusedError(401, "the token is not known, or not valid any more")
            if not token.may(permission):
                raise SenderRefusedError(403, f"the token does not allow: {permission}")
            if permission is Permission.WORKLIST and token.user.is_blinded(self._blinded_reading):
                raise SenderRefusedError(403, "the token's user reads blinded, and this would tell results")
            try:
                return AE_TITLE.validate_python(token.label)
            except ValidationError:
                raise SenderRefusedError(403, "the token's label is no AE title") from None
        for sender in self._senders:
            if _holds_one(certificate_names, sender):
                if permission not in sender.permissions:
                    raise SenderRefusedError(403, f"{sender.ae_title} lacks the permission: {permission}")
                return sender.ae_title
        if certificate_names:
            raise SenderRefusedError(403, "the certificate is not that of a gateway.dicomweb.senders")
        raise SenderRefusedError(
            401,
            "send a client certificate or a token: "
            f"'tbscreen users token NAME --label TITLE --scope {permission}' makes one",
        )

    def _find_token(self, authorization: str) -> TokenEntry | None:
        scheme, _, secret = authorization.partition(" ")
        secret = secret.strip()
        if scheme.lower() != "bearer" or not secret.startswith(TOKEN_PREFIX) or len(secret) > LONGEST_TOKEN:
            return None
        with self._database.read() as session:
            token = api_tokens.find(session, hash_secret(secret))
        if token is not None and token.is_stale:
            with self._database.write() as session:
                api_tokens.touch(session, token.id)
        return token


def _holds_one(names: Collection[str], sender: CertificateSenderSettings) -> bool:
    return any(name.lower() in names for name in sender.certificate_names)
