"""Associations to peers, plain or TLS, with timeouts and explained failures."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from typing import Any, Final, cast

from pynetdicom.association import Association
from pynetdicom.pdu_primitives import SCP_SCU_RoleSelectionNegotiation
from pynetdicom.presentation import PresentationContext
from pynetdicom.transport import T_CONNECT, AddressInformation, AssociationSocket

from dicom_gateway.association.film_stream import FilmStream
from dicom_gateway.association.pynetdicom_repairs.calling_entity import CallingEntity
from dicom_gateway.association.pynetdicom_repairs.film_socket import FilmSocket
from dicom_gateway.association.pynetdicom_repairs.reactor_checkpoint import ReactorCheckpoint
from dicom_gateway.association.tls_context import build_peer_context
from dicom_gateway.dataset_limits import DatasetLimits
from dicom_gateway.identifiers import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from dicom_gateway.settings import PeerSettings
from domain.errors import PermanentError, TransientError

REJECTED: Final = "the peer rejects the association"

CONNECTION_TIMEOUT_S: Final = 10.0
"""Longest wait for TCP and TLS together, even with a longer timeout of the caller."""

MAXIMUM_PDU_BYTES: Final = 131072
"""Largest PDU that peers may send on these associations (PS3.8 D.1)."""

CERTIFICATE_ADVICE: Final = {
    "certificate has expired": "the peer has to renew its certificate",
    "certificate revoked": "its CA has revoked it: the peer has to get another certificate",
    "CRL has expired": "renew the revocation list in peers.tls.crl",
    "unable to get certificate CRL": "put the revocation list of the certificate's CA into peers.tls.crl",
    "certificate is not yet valid": "compare the clocks of both hosts",
    "self-signed certificate": "put the peer's certificate, or that of its CA, into peers.tls.ca",
    "unable to get local issuer certificate": "put the certificate of the peer's CA into peers.tls.ca",
    "Hostname mismatch": "set peers.tls.host_name to a name in the peer's certificate",
    "IP address mismatch": "set peers.tls.host_name to a name in the peer's certificate",
}
"""Advice by the beginning of OpenSSL's text on a peer's certificate."""

TLS_ADVICE: Final = {
    "WRONG_VERSION_NUMBER": "the peer does not use TLS at this port: set another port or omit peers.tls",
    "UNKNOWN_CA": "the peer does not know the CA of our certificate: add that CA there",
    "BAD_CERTIFICATE": "the peer rejects our certificate",
    "CERTIFICATE_REVOKED": "our certificate (peers.tls.certificate) is revoked: get another one",
    "CERTIFICATE_EXPIRED": "our certificate (peers.tls.certificate) has expired",
    "CERTIFICATE_REQUIRED": "the peer requires a certificate: set peers.tls.certificate and peers.tls.key",
    "HANDSHAKE_FAILURE": "no common cipher: does the peer require our certificate, or an older TLS?",
    "PROTOCOL_VERSION": "the peer must support TLS 1.2 or 1.3",
    "UNSUPPORTED_PROTOCOL": "the peer must support TLS 1.2 or 1.3",
}
"""Advice by the end of a TLS alert or of OpenSSL's reason."""


class NoAssociationError(TransientError):
    """No association was opened. Transient: peers under maintenance or not yet configured fail like this."""


class NothingAcceptedError(PermanentError):
    """The peer accepts none of the proposed presentation contexts. Permanent."""


class PeerSocket(FilmSocket):
    """A socket that connects to a peer and records the stage reached."""

    was_connected = is_encrypting = False

    def connect(self, primitive: T_CONNECT) -> None:
        """Connect, with the TLS handshake, within the association's connection timeout."""
        try:
            assert self.socket is not None
            self.socket.settimeout(self.assoc.connection_timeout)
            self.socket.connect(primitive.address_info.as_tuple)
            if self.tls_args:
                context, server_name = self.tls_args
                self.is_encrypting = True
                self.socket = context.wrap_socket(self.socket, server_hostname=server_name)
            self.socket.settimeout(self.assoc.network_timeout)
            ours = AddressInformation.from_tuple(self.socket.getsockname())
            self.assoc.requestor.address_info = ours
            self.was_connected = True
        except OSError as error:
            self.trouble = error
            self.close_socket()
        finally:
            self.settle(primitive, self.was_connected)


class _PeerCaller(CallingEntity):
    """An application entity whose associations have a `PeerSocket`, and a `FilmStream` to receive films."""

    limits: DatasetLimits | None = None
    """Limits of each received film; None for an association that receives none."""

    def equip(self, association: Association, address: AddressInformation) -> AssociationSocket:
        """Return the socket of an association, and set its upper layer."""
        if self.limits is not None:
            association.dul = FilmStream(association, self.limits)
            # These assignments also set the timers of `dul`.
            association.network_timeout, association.acse_timeout = self.network_timeout, self.acse_timeout
        ReactorCheckpoint.install(association)
        return PeerSocket(association, address=address)


def open_association(
    peer: PeerSettings,
    calling_ae_title: str,
    contexts: Sequence[PresentationContext],
    timeout_s: float,
    *,
    idle_s: float | None = None,
    handlers: Sequence[Any] = (),
    roles: Sequence[SCP_SCU_RoleSelectionNegotiation] = (),
    limits: DatasetLimits | None = None,
) -> Association:
    """Open an association; the caller releases it.

    Args:
        peer: the peer, with its TLS settings.
        calling_ae_title: our AE title.
        contexts: proposed presentation contexts, 1 to 128.
        timeout_s: seconds that the peer may take to answer; at most `CONNECTION_TIMEOUT_S` of them for the
            connection.
        idle_s: seconds without a PDU after which the association is aborted; default `timeout_s`.
        handlers: pairs of a pynetdicom event and its handler.
        roles: SCP/SCU role selections (PS3.7 D.3.3.4), for C-GET.
        limits: limits of each object received by C-STORE, which is read as on the gateway's own port; None
            for an association that receives none.

    Raises:
        NoAssociationError, NothingAcceptedError: the text gives the reason and what to do.
    """
    ae = _PeerCaller(ae_title=calling_ae_title)
    ae.implementation_class_uid = IMPLEMENTATION_CLASS_UID
    ae.implementation_version_name = IMPLEMENTATION_VERSION_NAME
    ae.connection_timeout = min(CONNECTION_TIMEOUT_S, timeout_s)
    ae.acse_timeout = ae.dimse_timeout = timeout_s
    ae.network_timeout = timeout_s if idle_s is None else idle_s
    ae.limits = limits
    try:
        association = ae.associate(
            peer.host,
            peer.port,
            contexts=list(contexts),
            ae_title=peer.ae_title,
            max_pdu=MAXIMUM_PDU_BYTES,
            ext_neg=list(roles),
            tls_args=_find_tls(peer),
            evt_handlers=list(handlers),
        )
    except PermanentError as error:
        raise NoAssociationError(str(error)) from None
    except OSError:
        raise NoAssociationError(f"the host name {peer.host} cannot be resolved") from None
    if not association.is_established:
        raise _explain(association, peer, calling_ae_title, timeout_s)
    return association


def _find_tls(peer: PeerSettings) -> tuple[ssl.SSLContext, str] | None:
    """Return context and expected host name; the files are read each time, for renewed certificates."""
    if peer.tls is None:
        return None
    return build_peer_context(peer.tls), peer.tls.host_name or peer.host


def _explain(
    association: Association, peer: PeerSettings, calling_ae_title: str, timeout_s: float
) -> NoAssociationError | NothingAcceptedError:
    address = f"{peer.host}:{peer.port}"
    sock = cast(PeerSocket, association.dul.socket)
    if association.is_rejected:
        return NoAssociationError(_explain_rejection(association, peer, calling_ae_title))
    if association.is_aborted and association.rejected_contexts:
        return NothingAcceptedError("the peer accepts none of our presentation contexts")
    trouble = sock.trouble
    if isinstance(trouble, ssl.SSLError):
        return NoAssociationError(f"TLS with {address} failed: {explain_tls(trouble)}")
    if not sock.was_connected:
        if sock.is_encrypting:
            reason = (
                "no answer to the handshake" if isinstance(trouble, TimeoutError) else "cut off by the peer"
            )
            return NoAssociationError(f"TLS with {address} failed: {reason}; does it use TLS at this port?")
        return NoAssociationError(f"nothing answers at {address} ({_name(trouble)})")
    if sock.is_ended or trouble is not None:
        hint = "does it require TLS (peers.tls)?" if peer.tls is None else "does it require our certificate?"
        return NoAssociationError(f"{address} ends the connection without an answer; {hint}")
    return NoAssociationError(
        f"nothing answers at {address} within {timeout_s:g} s, though it accepts the connection"
    )


def _explain_rejection(association: Association, peer: PeerSettings, calling_ae_title: str) -> str:
    answer: Any = association.acceptor.primitive
    permanent = int(getattr(answer, "result", None) or 1) == 1
    source = int(getattr(answer, "result_source", None) or 1)
    diagnostic = int(getattr(answer, "diagnostic", None) or 1)
    reason = "the peer accepts no associations at the moment"
    if permanent:
        reason = f"{REJECTED}: does it know AE title {calling_ae_title}, and is its own {peer.ae_title}?"
    return f"{reason} (A-ASSOCIATE-RJ source {source}, reason {diagnostic})"


def explain_tls(error: ssl.SSLError) -> str:
    """Return the meaning of an OpenSSL error and what to do."""
    if isinstance(error, ssl.SSLCertVerificationError):
        message = error.verify_message.rstrip(".")
        advice = next((text for start, text in CERTIFICATE_ADVICE.items() if message.startswith(start)), "")
        return f"the peer's certificate: {message}" + (f"; {advice}" if advice else "")
    if isinstance(error, ssl.SSLEOFError):
        return (
            "cut off by the peer; does it require a certificate (peers.tls.certificate) or refuse ours, "
            "and does it use TLS at this port?"
        )
    message = error.reason or type(error).__name__
    advice = next((text for end, text in TLS_ADVICE.items() if message.endswith(end)), "")
    return message.lower().replace("_", " ") + (f"; {advice}" if advice else "")


def _name(error: OSError | None) -> str:
    return (
        "timed out"
        if isinstance(error, TimeoutError)
        else getattr(error, "strerror", None) or "no connection"
    )
