"""The installation as the pages of administrators see it.

- `local_installation`: the installation of this host, for `web.administration`.
"""
