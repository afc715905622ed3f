"""Why a computation has no result. The messages hold no content, so they may be stored and shown."""


class ComputeFailed(Exception):
    """The computation has no result."""


class ComputeTimeout(ComputeFailed):
    """The computation took longer than it may; its process was ended."""


class ComputeOutOfMemory(ComputeFailed):
    """The computation needs more memory than it may take; its process was ended."""


class ComputeCrashed(ComputeFailed):
    """The computation ended its process."""


class ComputeRaised(ComputeFailed):
    """The function raised in a confined process; `kind` is the name of what it raised, `detail` its message.

    `detail` is written by what ran there, so it is not part of the message.
    """

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(f"the computation raised {kind}")
        self.kind = kind
        self.detail = detail
