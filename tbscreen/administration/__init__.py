"""The installation as the pages of administrators see it.

- `local_models`: the models of this installation, and changes of them.
- `local_erasures`: erasures with their register, for commands and page.
- `settings_in_force`: every setting with its value, without secrets.
- `local_installation`: the installation of this host, for `web.administration`.
"""
