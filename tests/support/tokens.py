"""The key that signs the tokens of tests, and the file of public keys that services under test verify them with."""

import atexit
import shutil
import tempfile
from pathlib import Path

from shared.kit.token_keys import KeyFolder

_FOLDER = Path(tempfile.mkdtemp(prefix="touchstone-token-keys-"))
atexit.register(shutil.rmtree, _FOLDER, ignore_errors=True)
_KEYS = KeyFolder(_FOLDER)

KEY = _KEYS.rotate()
KEYS_FILE = _KEYS.public_file
ACTOR_SECRET = "a secret of tests of thirty-two bytes and more"
