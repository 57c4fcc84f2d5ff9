"""A real mail server (Exim) with STARTTLS, TLS from the start, a login, and recipients that it refuses."""

from __future__ import annotations

import getpass
import grp
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from tests.servers.certificates import Pair
from tests.servers.pacs import need
from tests.servers.ports import free_port, is_listening, wait_until

USER, PASSWORD = "tbscreen", "a password"

CONFIGURATION = """\
exim_user = {owner}
exim_group = {group}
spool_directory = {folder}/spool
log_file_path = {folder}/%slog
pid_file_path = {folder}/pid
keep_environment =
primary_hostname = mail.hospital.example
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port} : {tls_port}
tls_on_connect_ports = {tls_port}
tls_advertise_hosts = {advertised}
tls_certificate = {certificate}
tls_privatekey = {key}
acl_smtp_rcpt = judge
smtp_accept_max = 20
queue_only
disable_ipv6
host_lookup =
begin acl
judge:
  defer local_parts = later
  deny local_parts = nobody
  accept domains = hospital.example
  deny
begin routers
here:
  driver = accept
  transport = folder
begin transports
folder:
  driver = appendfile
  directory = {folder}/mail
begin authenticators
login:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and{{{{eq{{$auth2}}{{{user}}}}}{{eq{{$auth3}}{{{password}}}}}}}}}
"""


@dataclass(frozen=True)
class MailServer:
    """A running mail server, which keeps what it accepts in its queue."""

    port: int
    """For STARTTLS."""
    tls_port: int
    folder: Path

    def read(self) -> list[EmailMessage]:
        """Return the accepted e-mails, oldest first."""
        headers = sorted((self.folder / "spool" / "input").glob("*-H"), key=lambda file: file.stat().st_mtime)
        return [self._read(file) for file in headers]

    @staticmethod
    def _read(file: Path) -> EmailMessage:
        """Parse Exim's two spool files (Exim specification, chapter 57)."""
        lines = file.read_bytes().partition(b"\n\n")[2]
        header = bytearray()
        while lines:
            length = int(lines[:3])
            header += lines[5 : 5 + length]
            lines = lines[5 + length :]
        body = file.with_name(file.name.removesuffix("-H") + "-D").read_bytes().partition(b"\n")[2]
        return message_from_bytes(bytes(header) + b"\n" + body, policy=policy.default)  # type: ignore[return-value]


@contextmanager
def mail_server(folder: Path, pair: Pair, *, offers_starttls: bool = True) -> Iterator[MailServer]:
    """Run Exim inside the block.

    Args:
        folder: for everything of it.
        pair: its certificate and key.
        offers_starttls: False for a server that speaks in the clear alone.
    """
    program = need("exim4", "exim4-daemon-light")
    server = MailServer(free_port(), free_port(), folder)
    (folder / "spool").mkdir(parents=True)
    configuration = CONFIGURATION.format(
        folder=folder,
        owner=getpass.getuser(),
        group=grp.getgrgid(os.getgid()).gr_name,
        port=server.port,
        tls_port=server.tls_port,
        certificate=pair.certificate,
        key=pair.key,
        advertised="*" if offers_starttls else "",
        user=USER,
        password=PASSWORD,
    )
    (folder / "exim.conf").write_text(configuration)
    with (folder / "output.txt").open("wb") as output:
        process = subprocess.Popen(
            [program, "-C", str(folder / "exim.conf"), "-bdf"], stdout=output, stderr=output
        )
    try:

        def listens() -> bool:
            assert process.poll() is None, (folder / "output.txt").read_text()
            return is_listening(server.port) and is_listening(server.tls_port)

        wait_until(listens, 30, "Exim listens")
        yield server
    finally:
        process.terminate()
        process.wait(timeout=30)
