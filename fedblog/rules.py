"""What a value had to be, in our words: the rules that pydantic holds fields to, as sentences.

They follow the name of the field: ``page_size: takes a whole number``.
"""

from pydantic_core import ErrorDetails

_KINDS = {
    "missing": "is needed",
    "string_type": "takes a text",
    "string_unicode": "takes a text in Unicode",
    "string_sub_type": "takes a text",
    "int_type": "takes a whole number",
    "int_parsing": "takes a whole number",
    "int_parsing_size": "takes a smaller whole number",
    "int_from_float": "takes a whole number",
    "float_type": "takes a number",
    "float_parsing": "takes a number",
    "finite_number": "takes a number that has an end",
    "bool_type": "takes true or false",
    "bool_parsing": "takes true or false",
    "none_required": "takes null",
    "list_type": "takes a list",
    "tuple_type": "takes a list",
    "dict_type": "takes an object",
    "model_type": "takes an object",
    "model_attributes_type": "takes an object",
    "path_type": "takes the path of a file or folder",
}
_BOUNDS = {
    "greater_than": "takes more than {gt:g}",
    "greater_than_equal": "takes at least {ge:g}",
    "less_than": "takes less than {lt:g}",
    "less_than_equal": "takes at most {le:g}",
    "string_too_long": "takes at most {max_length} characters",
    "string_too_short": "takes at least {min_length} characters",
    "too_long": "takes at most {max_length}",
    "too_short": "takes at least {min_length}",
}
_LEAST_ONE = "may not be empty"


def sentence(error: ErrorDetails, *, unknown: str) -> str:
    """What the field of *error* takes; *unknown* is said of a name that is no field."""
    kind, about = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        return unknown
    if kind == "value_error":  # raised by a rule of ours
        return str(about.get("error", "")) or "is not taken"
    if kind == "literal_error":
        return "takes " + str(about["expected"]).replace("'", "")
    if kind in ("string_too_short", "too_short") and about.get("min_length") == 1:
        return _LEAST_ONE
    if kind in _BOUNDS:
        return _BOUNDS[kind].format(**about)
    return _KINDS.get(kind, "is not taken")
