from shared.kit.settings import Settings


class TinySettings(Settings):
    greeting: str = "hello"
