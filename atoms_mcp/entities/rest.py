"""A PostgREST call as a value: decided on the ground floor, sent by `supabase.rest`.

Source: PostgREST 16 API reference (reading, writing, functions, preferences).
"""

from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class RestRequest:
    """One call, not yet sent.

    `path` is relative to the REST root ("requirements", "rpc/create_project").
    `query` holds decoded name/value pairs; the sender percent-encodes them, once.
    `body` is what JSON can say. `prefer` are single preferences ("return=representation").
    `is_single` asks for one object: any other number of rows is refused with PGRST116.
    """

    method: Literal["GET", "POST", "PATCH", "DELETE"]
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: Any = None
    prefer: tuple[str, ...] = ()
    is_single: bool = False


@dataclass(frozen=True, slots=True)
class RestAnswer:
    """What came back: `data` as JSON said it, `total` where a count was asked for."""

    data: Any = field(repr=False)
    total: int | None = None
