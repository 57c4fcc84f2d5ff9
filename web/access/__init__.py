"""Login, sessions, tokens, and the record of who saw what.

- `authentication`: from a cookie to a user and what the user may do.
- `recent_views`: the last views of each session.
- `audit`: the audit trail that the front door hands in.
- `passwords`: Argon2id.
- `account_changes`: users and tokens, changed by administrators.
- `proxy_settings`: the settings of a login by a reverse proxy.
- `direct_peer`: the other end of a connection, before X-Forwarded-For is believed.
- `proxy_login`: from a proxy's header to a user.
- `login`: login and logout.
- `bearer`: from a bearer token to a user.
- `rate_limit`: token buckets.
"""
