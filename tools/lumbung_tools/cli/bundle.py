"""`lumbung bundle`: export to a disk, import from it, count its receipts at home, look at it anywhere."""

from __future__ import annotations

from lumbung_tools.cli.bundle_export import export_command
from lumbung_tools.cli.bundle_import import import_command, receipts_command
from lumbung_tools.cli.bundle_inspect import inspect_command
from lumbung_tools.cli.framework import LumbungGroup

__all__ = ["bundle"]

bundle = LumbungGroup("bundle", "help.bundle")
for each in (export_command, import_command, receipts_command, inspect_command):
    bundle.add_command(each)
