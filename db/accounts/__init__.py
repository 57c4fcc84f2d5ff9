"""Users of the page and of REST.

- `users`: people: added, disabled, roles, passwords.
- `web_sessions`: sessions of browsers.
- `api_tokens`: tokens of programs.
- `login_attempts`: failed logins, and the pauses that follow.
"""
