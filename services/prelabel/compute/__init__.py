"""What runs in worker processes: everything that meets a model, a picture or much arithmetic.

Workers have these modules imported from the beginning, because those that meet untrusted files can open none themselves.
`training` imports its libraries when it is first called.
"""

from services.prelabel.compute import choices, model_check, pictures, sessions, training

__all__ = ["choices", "model_check", "pictures", "sessions", "training"]
