"""Notices by webhook and e-mail on events, by rule; without patient data unless the settings say so.

- `notice_settings`: the settings `[notices]`: receivers and rules.
- `secrets`: secrets of receivers, from a file or the environment.
- `alarms`: silent stations, and the search for events that no transaction records.
- `notice_content`: the content of a notice.
- `notice_round`: makes the notices of events.
- `notice_attempt`: one attempt to send a notice, its limit of time, its TLS.
- `permitted_address`: addresses to which nothing is sent.
- `signature`: the signature of a webhook's request.
- `webhook`: sends a notice by HTTP.
- `mail`: sends a notice by e-mail.
- `notice_courier`: the table of notices, for the loop of `sending`.
- `metrics`: the counter of attempts.
"""
