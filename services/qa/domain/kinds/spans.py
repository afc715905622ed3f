"""`spans`: see `kind.Kind` for what each method promises."""

from typing import Any

KIND: Any = None
