"""What may be changed of an image before it is kept or shown to a model."""

from enum import StrEnum


class ImageChange(StrEnum):
    """`profile-unreadable`: what the file says of its colours can't be read, so they are taken as sRGB.

    `depth-reduced`: 16 bits a channel became 8. `re-encoded`: a JPEG was compressed again.
    """

    TURNED_UPRIGHT = "turned-upright"
    CONVERTED_TO_SRGB = "converted-to-srgb"
    PROFILE_UNREADABLE = "profile-unreadable"
    METADATA_REMOVED = "metadata-removed"
    FRAMES_DROPPED = "frames-dropped"
    DEPTH_REDUCED = "depth-reduced"
    RE_ENCODED = "re-encoded"
