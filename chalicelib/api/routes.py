"""The route wrapper: everything that is the same for every request, around one function that calls one operation.

    authenticate ─▶ scope ─▶ query, body ─▶ the route's function ─▶ its answer
         └────────────┴──────────┴────────────────┴─▶ any error, in the one shape

A route is declared once, and what it is declared with is what it obeys and what GET /openapi.json says of it.
"""

import functools
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar, cast

from chalice.app import Blueprint, Request, Response

from chalicelib.api.answers import Answer, to_response
from chalicelib.api.api_request import ApiRequest
from chalicelib.api.authentication import key_text, require_scope
from chalicelib.api.errors import Fault, error_answer
from chalicelib.api.framework import current_request, request_id
from chalicelib.api.json_reading import NoFields, RequestShape
from chalicelib.domain.account import RateLimit, Scope
from chalicelib.domain.errors import AgentSendError, ErrorCode, NotFound
from chalicelib.domain.ids import InvalidId
from chalicelib.operations.authenticate import Authenticated, RateLimited
from chalicelib.wiring import operations
