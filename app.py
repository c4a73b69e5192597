"""The Chalice app: mounts every door, nothing else."""

from chalice.app import Chalice

from chalicelib.api import (
    account,
    attachments,
    domains,
    events,
    fallback,
    health,
    inboxes,
    messages,
    openapi,
    privacy,
    replies,
    suppressions,
    switches,
    threads,
    usage,
    webhooks,
)
from chalicelib.events import (
    delivery_notifications,
    due_domains,
    due_webhooks,
    erasing,
    housekeeping,
    inbound_notifications,
    send_queue,
    webhook_queue,
)

app = Chalice(app_name="agentsend")
# Bodies of every type come in base64, and whatever we mark as base64 is decoded for every client, whichever types its
# Accept header names (docs/decisions/0010).
app.api.binary_types = ["*/*"]
app.register_middleware(fallback.frame, "http")

for api_door in (
    account,
    attachments,
    domains,
    events,
    health,
    inboxes,
    messages,
    openapi,
    privacy,
    replies,
    suppressions,
    switches,
    threads,
    usage,
    webhooks,
    fallback,
):
    app.register_blueprint(api_door.routes)
for event_door in (
    send_queue,
    delivery_notifications,
    inbound_notifications,
    webhook_queue,
    due_webhooks,
    erasing,
    due_domains,
    housekeeping,
):
    app.register_blueprint(event_door.door.blueprint)
