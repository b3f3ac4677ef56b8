"""Client of the Postern mail server. See `Postern` and `AsyncPostern`."""

from . import inputs, models, webhooks
from ._async.client import AsyncPostern
from ._async.download import AsyncDownload
from ._async.pages import AsyncPage, AsyncPages
from ._async.streaming import AsyncEventStream
from ._call import NOT_GIVEN, NotGiven
from ._files import File
from ._model import Model
from ._sync.client import Postern
from ._sync.download import Download
from ._sync.pages import Page, Pages
from ._sync.streaming import EventStream
from .errors import (
    APIConnectionError,
    APIError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    NotFoundError,
    PermissionDeniedError,
    PosternError,
    RateLimitError,
    ServerError,
    WebhookVerificationError,
)

__version__ = "0.1.0"

__all__ = [
    "NOT_GIVEN",
    "APIConnectionError",
    "APIError",
    "APITimeoutError",
    "AsyncDownload",
    "AsyncEventStream",
    "AsyncPage",
    "AsyncPages",
    "AsyncPostern",
    "AuthenticationError",
    "BadRequestError",
    "ConflictError",
    "Download",
    "EventStream",
    "File",
    "Model",
    "NotFoundError",
    "NotGiven",
    "Page",
    "Pages",
    "PermissionDeniedError",
    "Postern",
    "PosternError",
    "RateLimitError",
    "ServerError",
    "WebhookVerificationError",
    "inputs",
    "models",
    "webhooks",
]
