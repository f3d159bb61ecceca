"""Stands for a plug-in whose library is there in the wrong version."""

raise RuntimeError("the driver is too old")
