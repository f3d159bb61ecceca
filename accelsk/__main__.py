"""``python -m accelsk``."""

from __future__ import annotations

import sys

from accelsk.cli import main

sys.exit(main())
