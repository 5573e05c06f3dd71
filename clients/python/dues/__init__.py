"""A client for Dues, the subscription billing service: JSON-RPC 2.0 lines over TCP, TLS, a Unix socket or stdio.

    with Dues.connect(port=7171) as dues:
        customer = dues.create_customer(email="jenny.rosen@example.com")
        dues.check_access(customer_id=customer.customer_id, product_id="prod_…").allowed

Any number of threads may use one client at once: calls run concurrently, and answers are paired by id.
Standard library only; Python 3.9 or later.
"""

from . import _types
from ._client import VERSION as __version__, Cancellation, CallOptions, Stream
from ._errors import DuesError
from ._methods import Dues
from ._types import *  # noqa: F403 - the types of the contract, all of them

__all__ = ["CallOptions", "Cancellation", "Dues", "DuesError", "Stream", "__version__"]
__all__ += _types.__all__
