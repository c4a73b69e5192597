"""Rebuild the queues from the table and the bucket: `make requeue STACK=…`, after a restore or when a queue was lost.

On a healthy system it is harmless: a job or a notice too many finds that there is nothing to do.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.wiring import Operations, operations
from infra.stack import CommandFailed, Stack, connect


def requeue(deployment: Operations, say: Callable[[str], None]) -> None:
    """A job for every message that is not sent yet, a notice for every mail that waits with its receipt."""
    say(f"{deployment.requeue_unsent()} jobs queued for messages that are not sent yet\n")
    say(f"{deployment.requeue_received()} notices queued for mail that is not in its inboxes yet\n")
    say(f"{deployment.requeue_webhooks()} jobs queued for webhooks that are not delivered yet\n")
    say(f"{deployment.renew_receipt_rules()} receipt rules of SES brought to the domains that receive\n")


def main(arguments: Sequence[str] | None = None, connect: Callable[[str], Any] = connect) -> int:
    """The exit code. `connect` makes the client of a service."""
    parser = argparse.ArgumentParser(prog="make requeue", description="Rebuild the queues from what is stored.")
    parser.add_argument("--stack", required=True, help="the name of the CloudFormation stack")
    given = parser.parse_args(arguments)
    try:
        stack = Stack(given.stack, connect("cloudformation"), connect("lambda"))
        os.environ.update(stack.settings())
        requeue(operations(), lambda text: print(text, end="", flush=True))
    except (CommandFailed, BotoCoreError, ClientError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
