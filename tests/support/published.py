"""Where the published documents are, and what is derived from them."""

import json
import os
from pathlib import Path
from typing import Any, Final

import pytest

TESTS: Final = Path(__file__).parents[1]
SPEC: Final = Path(os.environ.get("INGRAM_ORDERS_SPEC") or TESTS.parents[1] / "shared" / "spec")
"""The folder of the published documents; they are not part of this repository."""

COMMITTED: Final = TESTS / "data" / "fields.json"
TABLE: Final[dict[str, Any]] = json.loads(COMMITTED.read_text("utf-8"))
"""What `derive_fields.py` made of them; this is."""

needs_spec: Final = pytest.mark.skipif(
    not (SPEC / "examples.json").is_file(),
    reason="the published documents are not here; INGRAM_ORDERS_SPEC names their folder",
)
