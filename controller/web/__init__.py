"""The live page: `mount(app, live)` puts it on the controller's web application.

Never decides anything about the town; it shows a Snapshot.
Specification: README.md beside this file.
"""

from controller.web.mount import mount

__all__ = ["mount"]
