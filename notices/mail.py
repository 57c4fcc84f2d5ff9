"""Sends notices by e-mail: encrypted, or to this machine; the event's identifier is the Message-ID."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any

from db.notices.notice_outbox import DueNotice
from notices.notice_attempt import NoticeAttempt, UnreachableError, build_context, explain, limited
from notices.notice_content import write_text
from notices.notice_settings import MailSecurity, MailSettings
from notices.permitted_address import ForbiddenAddressError, connect
from notices.secrets import NoSecretError, read_secret
from sending.send_result import SendResult


class _Client(smtplib.SMTP):
    """A client whose socket comes from `connect`; with a context it is encrypted from the start."""

    def __init__(self, mail: MailSettings, context: ssl.SSLContext | None) -> None:
        super().__init__(timeout=mail.timeout_s)
        self._mail = mail
        self._context = context
        self.opened: socket.socket | None = None

    def open(self) -> None:
        """Connect; the name of the server is that of the settings, for its certificate."""
        self._host = self._mail.host
        code, _ = self.connect(self._mail.host, self._mail.port)
        if code != 220:
            raise smtplib.SMTPConnectError(code, b"")

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        self.opened = connect(host, port, timeout)
        if self._context is not None:
            self.opened = self._context.wrap_socket(self.opened, server_hostname=host)
        return self.opened


def send(mail: MailSettings, rows: Sequence[DueNotice]) -> Iterator[NoticeAttempt]:
    """Send notices in order over one connection; end after one that finds trouble."""
    left = list(rows)
    try:
        with open_connection(mail) as client:
            while left:
                attempt = _exchange(client, mail, left[0])
                left.pop(0)
                yield attempt
                if attempt.in_trouble:
                    return
    except (UnreachableError, NoSecretError) as error:
        if left:
            yield NoticeAttempt(left[0], SendResult.TRANSIENT, str(error), in_trouble=True)
    except ForbiddenAddressError as error:
        for row in left:
            yield NoticeAttempt(row, SendResult.PERMANENT, str(error))


@contextmanager
def open_connection(mail: MailSettings) -> Iterator[smtplib.SMTP]:
    """Open a connection to the mail server, encrypted and logged in as the settings say, for the block.

    Raises:
        UnreachableError: when there is none; the text says why.
        ForbiddenAddressError: when the name leads to an address to which nothing is sent.
        NoSecretError: when the password cannot be read.
    """
    place = f"{mail.host}:{mail.port}"
    context = None if mail.security is MailSecurity.NONE else build_context(mail.ca)
    password = None
    if mail.user is not None:
        password = read_secret(f"notices.mails {mail.name}", mail.password_file, mail.password_variable)
    client = _Client(mail, context if mail.security is MailSecurity.TLS else None)
    try:
        try:
            with limited(mail.timeout_s, place, lambda: client.opened):
                client.open()
                client.ehlo_or_helo_if_needed()
                if mail.security is MailSecurity.STARTTLS:
                    client.starttls(context=context)
                    client.ehlo_or_helo_if_needed()
                if mail.user is not None:
                    client.login(mail.user, password or "")
        except smtplib.SMTPAuthenticationError as error:
            raise UnreachableError(f"{place} refuses the login ({error.smtp_code})") from None
        except smtplib.SMTPNotSupportedError:
            raise UnreachableError(f"{place} offers no STARTTLS, or no login: nothing was sent") from None
        except smtplib.SMTPResponseException as error:
            raise UnreachableError(f"{place} answers {error.smtp_code} before any e-mail") from None
        except smtplib.SMTPException as error:
            raise UnreachableError(f"{place} does not answer in SMTP ({type(error).__name__})") from None
        except OSError as error:
            raise UnreachableError(explain(error, place)) from None
        yield client
    finally:
        client.close()


def _exchange(client: smtplib.SMTP, mail: MailSettings, row: DueNotice) -> NoticeAttempt:
    message = compose(mail, row.content)
    place = f"{mail.host}:{mail.port}"
    try:
        with limited(mail.timeout_s, place, lambda: client.sock):
            refused = client.send_message(message, mail.sender, list(mail.recipients))
    except UnreachableError as error:
        return NoticeAttempt(row, SendResult.TRANSIENT, str(error), in_trouble=True)
    except smtplib.SMTPRecipientsRefused as error:
        return _judge(row, max(code for code, _ in error.recipients.values()), "all recipients are refused: ")
    except smtplib.SMTPResponseException as error:
        return _judge(row, error.smtp_code, "")
    except smtplib.SMTPException as error:
        reason = f"{place} ends the conversation ({type(error).__name__})"
        return NoticeAttempt(row, SendResult.TRANSIENT, reason, in_trouble=True)
    except OSError as error:
        return NoticeAttempt(row, SendResult.TRANSIENT, explain(error, place), in_trouble=True)
    if refused:
        return NoticeAttempt(row, SendResult.DELIVERED, f"{len(refused)} recipients are refused")
    return NoticeAttempt(row, SendResult.DELIVERED)


def _judge(row: DueNotice, code: int, before: str) -> NoticeAttempt:
    """Judge a reply (RFC 5321 4.2.1): 4yz is transient, 5yz permanent."""
    if code >= 500:
        return NoticeAttempt(row, SendResult.PERMANENT, f"{before}reply {code}")
    return NoticeAttempt(row, SendResult.TRANSIENT, f"{before}reply {code}", in_trouble=True)


def compose(mail: MailSettings, content: Any) -> EmailMessage:
    """Return the e-mail of a notice."""
    message = EmailMessage(policy=SMTP)
    message["From"] = mail.sender
    message["To"] = ", ".join(mail.recipients)
    message["Subject"] = f"tbscreen: {content['summary']}"
    message["Date"] = format_datetime(datetime.fromisoformat(content["occurred_at"]))
    message["Message-ID"] = f"<{content['id']}@{mail.sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no vacation notes in return
    message.set_content(write_text(content))
    return message


def probe(mail: MailSettings) -> str | None:
    """Connect, encrypt and log in, and send nothing; return what is wrong, or None."""
    try:
        with open_connection(mail):
            return None
    except (UnreachableError, NoSecretError, ForbiddenAddressError) as error:
        return str(error)
