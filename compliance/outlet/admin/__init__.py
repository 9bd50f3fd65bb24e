"""Console: endpoints of integrators, and what was told to them."""

from __future__ import annotations

from compliance.outlet.admin.dispatches import WebhookDispatchAdmin
from compliance.outlet.admin.endpoints import WebhookEndpointAdmin, figures

__all__ = ["WebhookDispatchAdmin", "WebhookEndpointAdmin", "figures"]
