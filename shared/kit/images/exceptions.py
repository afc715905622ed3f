"""What reading an image raises."""


class UnreadableImage(ValueError):
    """The data is not a PNG or JPEG image that can be read; the message says why, for people."""


class TooManyPixels(ValueError):
    """The image has more pixels than are accepted."""


class UnreadableProfile(ValueError):
    """The colour profile can't be read, or is for another kind of image."""
