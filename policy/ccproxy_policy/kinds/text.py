"""Bounded strings that several kinds share, and what to write when one does not fit.

Must not hold rules that need another object (compile does). Next: `metadata.py`.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

NAME: Final = r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$"
RULE_NAME: Final = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"
BACKEND_REF: Final = r"^([a-z0-9][-a-z0-9.]{0,62}/)?[a-z0-9][-a-z0-9.]{0,252}$"
VARIABLE: Final = r"^[A-Za-z_][A-Za-z0-9_]{0,127}$"
SECRET_KEY: Final = r"^[-._a-zA-Z0-9]{1,253}$"
CLASS: Final = r"^[A-Za-z_][A-Za-z0-9_.]{0,199}:[A-Za-z_][A-Za-z0-9_]{0,99}$"
HEADER_NAME: Final = r"^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$"
HEADER_VALUE: Final = r"^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$"
LABEL_VALUE: Final = r"^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"
MODEL: Final = r"^[!-~]{1,256}$"
MONEY: Final = r"^(0|[1-9][0-9]{0,8})(\.[0-9]{1,9})?$"

HINTS: Final[dict[str, str]] = {
    NAME: "write lower-case letters, digits, `-` and `.`, starting and ending with a letter or digit",
    RULE_NAME: "write at most 63 lower-case letters, digits and `-`, starting and ending with a letter or digit",
    BACKEND_REF: "write the name of a ModelBackend, for example `anthropic`",
    VARIABLE: "write the name of an environment variable, for example `ANTHROPIC_API_KEY`",
    SECRET_KEY: "write letters, digits, `-`, `_` and `.`, for example `api-key`",
    CLASS: "write `module:Class`, for example `my_rules:NightShift`",
    HEADER_NAME: "write an HTTP header name: letters, digits and `-`",
    HEADER_VALUE: "write printable ASCII on one line",
    LABEL_VALUE: "write the value of a node's label, for example `NVIDIA-A10`",
    MODEL: "write a model name without spaces, for example `claude-haiku-5-5`",
    MONEY: 'write dollars as a quoted decimal, for example "0.25"',
}
"""What to write instead, per pattern above."""

Name = Annotated[str, Field(pattern=NAME, max_length=253)]
RuleName = Annotated[str, Field(pattern=RULE_NAME, max_length=63)]
BackendRef = Annotated[str, Field(pattern=BACKEND_REF, max_length=317)]
Variable = Annotated[str, Field(pattern=VARIABLE, max_length=128)]
SecretKey = Annotated[str, Field(pattern=SECRET_KEY, max_length=253)]
ClassPath = Annotated[str, Field(pattern=CLASS, max_length=300)]
HeaderName = Annotated[str, Field(pattern=HEADER_NAME, max_length=128)]
HeaderValue = Annotated[str, Field(pattern=HEADER_VALUE, max_length=4096)]
ModelName = Annotated[str, Field(pattern=MODEL, max_length=256)]
Money = Annotated[str, Field(pattern=MONEY, max_length=20)]
"""A decimal string of dollars, at most nine decimals."""

Pattern = Annotated[str, Field(min_length=1, max_length=512)]
"""A glob, or `re:` and an RE2 expression; compile hands it to RE2."""
Patterns = Annotated[list[Pattern], Field(max_length=64)]
MapKey = Annotated[str, Field(min_length=1, max_length=128)]
Tokens = Annotated[int, Field(ge=0, le=100_000_000)]
"""A count of tokens."""
