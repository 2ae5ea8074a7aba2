"""What the reader refuses, by name. Nothing else is ever raised by reading."""


class ReadingError(Exception):
    """A document from outside cannot be read; the message says why, in one short sentence."""


class MalformedJsonError(ReadingError):
    """The bytes are no JSON object, or one that two readers could understand differently."""


class TooLargeJsonError(ReadingError):
    """The JSON is nested too deeply, or an array in it is too long."""


class MissingTypeError(ReadingError):
    """The document does not say what it is."""


class UnexpectedTypeError(ReadingError):
    """The document is of a type that was not asked for or that nothing here understands."""

    def __init__(self, type_: str, wanted: str) -> None:
        super().__init__(f"{type_[:60]!r} is no {wanted}")
        self.type = type_


class MissingPropertyError(ReadingError):
    """A property without which the document means nothing is absent or has no usable value."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no usable {name!r}")
        self.name = name
