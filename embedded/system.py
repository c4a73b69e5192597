"""The running system: the resources, the app with its two doors, the event pump and the simulated SES."""

import os
import socket
from collections.abc import Callable, MutableMapping
from contextlib import ExitStack
from ssl import SSLContext
from typing import Any

import boto3
from botocore.config import Config

from app import app
from chalicelib.wiring import operations
from embedded.aws_environment import chosen_endpoints, point
from embedded.data_folder import PROJECT, DataFolder
from embedded.dns_server import DnsServer
from embedded.emulated_aws import EmulatedAws
from embedded.event_pump import EventPump, sources_of
from embedded.http_gateway import start_gateway
from embedded.listening import LOOPBACK, address_of
from embedded.local_post import LocalPost
from embedded.mail_bucket import MailBucket
from embedded.mailboxes import Mailboxes
from embedded.queue_rebuild import QueueRebuild
from embedded.resources import AwsClients, Deployment
from embedded.ses_identities import SesIdentities
from embedded.ses_inbound import SesInbound
from embedded.ses_journal import SesJournal
from embedded.ses_notices import ReceiptRule
from embedded.ses_simulator import SesSimulator, start_ses_api
from embedded.smtp_inbound import SmtpDoor
from embedded.template import Template, read_template
from embedded.zone import Zone
from infra.redrive import DeadLetters
from infra.stack import QUEUES

# Where a run on one machine differs from a deployment. A variable of the same name in the environment wins.
PARAMETERS = {
    "FeedWaitSeconds": "20",
    "MailDomain": "agents.test",
    "Delivery": "dry-run",
    "RateLimitPerMinute": "6000",
    "QueueVisibilitySeconds": "10",
}
SETTINGS = {
    "ALLOW_LOOPBACK_WEBHOOKS": "yes",
    "ALLOW_TEST_DOMAINS": "yes",
    "DRY_RUN_SENDER": "ses",
    "EVIDENCE_WINDOW_SECONDS": "5",
    "OUTCOME_UNKNOWN_SECONDS": "60",
}


class System:
    """Everything above the emulated AWS. It is up after `start`; `stop` ends it in order, also half-started."""

    def __init__(
        self,
        folder: DataFolder,
        aws: EmulatedAws,
        http: socket.socket,
        smtp: socket.socket,
        tls: SSLContext | None = None,
    ) -> None:
        self._folder = folder
        self._aws = aws
        self._http = http
        self._smtp = smtp
        self._tls = tls
        self._running = ExitStack()

    @property
    def mail_domain(self) -> str:
        return os.environ["MAIL_DOMAIN"]

    def start(self, api_key: str) -> None:
        """Start it all; returns when the HTTP door answers."""
        self._aws.wait_until_ready(os.environ)
        ses_listener = self._point_to_simulator(os.environ)
        region = os.environ["AWS_REGION"]
        clients = _clients()
        template = read_template(PROJECT / "infra" / "resources.yaml")
        deployment = Deployment(template, _parameters(template, os.environ), clients, region)
        deployment.create()
        os.environ.update({name: os.environ.get(name, value) for name, value in SETTINGS.items()})
        os.environ.update(deployment.environment())
        domains = self._start_dns(region)
        takes_mail_for = domains.takes_mail_for if ses_listener else _receives
        mailboxes = Mailboxes(operations().inboxes, self.mail_domain, takes_mail_for)
        inbound = _inbound(deployment, clients, region)
        if ses_listener is not None:
            local_post = LocalPost(mailboxes, inbound, region)
            self._start_simulator(deployment, clients.sns, local_post, domains, ses_listener)
        operations().bootstrap(api_key)
        put_back_dead_letters(clients.sqs, deployment)
        self._start_pump(deployment, clients.sqs, region)
        gateway = start_gateway(app, self._http)
        self._running.callback(gateway.stop)
        door = SmtpDoor(self._smtp, mailboxes, inbound, hostname=self.mail_domain, tls=self._tls)
        door.start()
        self._running.callback(door.stop)
        rebuild = QueueRebuild(
            [operations().requeue_unsent, operations().requeue_received, operations().requeue_webhooks]
        )
        rebuild.start()
        self._running.callback(rebuild.stop)

    def stop(self) -> None:
        """The doors first, then the workers, then the simulator that the workers call."""
        self._running.close()

    def _point_to_simulator(self, environ: MutableMapping[str, str]) -> socket.socket | None:
        """Both versions of SES's API are at one place: receipt rules are in the older one alone."""
        chosen = chosen_endpoints(environ)
        if "SESV2" in chosen:
            point(environ, "SES", chosen.get("SES", chosen["SESV2"]))
            return None
        listener = socket.create_server((LOOPBACK, 0), backlog=256)
        for service in ("SESV2", "SES"):
            point(environ, service, f"http://{address_of(listener)}")
        return listener

    def _start_dns(self, region: str) -> SesIdentities:
        """The name server of the zone file, unless another was chosen, and what SES finds in it."""
        zone = Zone(self._folder.zone_file)
        zone.create()
        server = DnsServer(zone)
        server.start()
        self._running.callback(server.stop)
        os.environ.setdefault("DNS_SERVERS", server.address)
        return SesIdentities(self._folder.simulator_domains, zone, region)

    def _start_simulator(
        self,
        deployment: Deployment,
        sns: Any,
        local_post: LocalPost,
        domains: SesIdentities,
        listener: socket.socket,
    ) -> None:
        journal = SesJournal(self._folder.simulator_journal, self._folder.outbox)
        self._running.callback(journal.close)

        simulator = SesSimulator(
            journal,
            deployment.event_destinations,
            publish=_publisher(sns),
            region=local_post.region,
            local_post=local_post,
            identities=domains,
        )
        simulator.start()
        self._running.callback(simulator.stop)
        self._running.callback(start_ses_api(simulator, listener, domains).stop)

    def _start_pump(self, deployment: Deployment, sqs: Any, region: str) -> None:
        reports_failures = deployment.template.reports_batch_item_failures
        sources = sources_of(app, substitute=deployment.substitute, reports_failures=reports_failures, sqs=sqs)
        pump = EventPump(sources, sqs=sqs, region=region)
        pump.start()
        self._running.callback(pump.stop)


def _receives(name: str) -> bool:
    """Where SES is not the simulated one, its rules are not known here."""
    return operations().holdings.get(name).receives


def put_back_dead_letters(sqs: Any, deployment: Deployment) -> None:
    """A restart is what one tries first: every record gets another chance, as `make redrive` gives it in AWS."""
    for queue in QUEUES.values():
        letters = DeadLetters.of(sqs, deployment.ref(queue))
        if letters.count():
            letters.move()


def _parameters(template: Template, environ: MutableMapping[str, str]) -> dict[str, str]:
    chosen = {name: environ[variable] for variable, name in template.variables_of_parameters() if variable in environ}
    return PARAMETERS | chosen


def _inbound(deployment: Deployment, clients: AwsClients, region: str) -> SesInbound:
    rule = ReceiptRule(deployment.ref("MailBucket"), deployment.ref("InboundNotificationTopic"), region)
    return SesInbound(MailBucket(clients.s3, rule.bucket), _publisher(clients.sns), rule)


def _publisher(sns: Any) -> Callable[[str, str], None]:
    def publish(topic_arn: str, message: str) -> None:
        sns.publish(TopicArn=topic_arn, Message=message)

    return publish


def _clients() -> AwsClients:
    session = boto3.session.Session()
    config = Config(
        connect_timeout=2,
        read_timeout=30,
        retries={"mode": "standard", "total_max_attempts": 3},
        max_pool_connections=32,
    )
    return AwsClients(*(session.client(name, config=config) for name in ("dynamodb", "sqs", "sns", "s3")))
