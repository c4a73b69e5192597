"""Own domains: what is done with them, and by what they are checked."""

from chalicelib.operations.check_domain import CheckDomain, VerifyDomain
from chalicelib.operations.check_due_domains import CheckDueDomains
from chalicelib.operations.domain_identity import DomainIdentity
from chalicelib.operations.end_domain import EndDomain
from chalicelib.operations.follow_rules import FollowRules
from chalicelib.operations.manage_domains import CreateDomain, DeleteDomain, GetDomain, ListDomains
from chalicelib.operations.ports.domains import ReceiptRules
from chalicelib.providers.dns_lookup import DnsLookup
from chalicelib.providers.receipt_rules import SesReceiptRules, make_receipt_client
from chalicelib.providers.ses_identities import SesIdentities, make_identity_client
from chalicelib.storage.due_domain_store import DynamoDueDomains
from chalicelib.storage.receipt_rule_store import DynamoRuleNames
from chalicelib.wiring.built_once import built_once
from chalicelib.wiring.telling import Telling


class Domains(Telling):
    """From the first claim to the last check."""

    @built_once
    def _due_domains(self) -> DynamoDueDomains:
        return DynamoDueDomains()

    @built_once
    def _domain_identity(self) -> DomainIdentity:
        return DomainIdentity(SesIdentities(make_identity_client(), self._settings.ses_configuration_set))

    @built_once
    def _receipt_rules(self) -> ReceiptRules:
        wanted = self._settings
        return SesReceiptRules(
            make_receipt_client(), wanted.receipt_rule_set, wanted.bucket_name, wanted.inbound_topic_arn
        )

    @built_once
    def _follow_rules(self) -> FollowRules:
        return FollowRules(self.rule_names, self.holdings, self._receipt_rules, self.clock)

    @built_once
    def rule_names(self) -> DynamoRuleNames:
        return DynamoRuleNames()

    def renew_receipt_rules(self) -> int:
        """Bring every rule of SES to what it should be; how many there are."""
        return self._follow_rules.everything()

    @built_once
    def _end_domain(self) -> EndDomain:
        return EndDomain(self.domains, self.holdings, self._due_domains, self._domain_identity, self._follow_rules)

    @built_once
    def create_domain(self) -> CreateDomain:
        return CreateDomain(
            self.domains,
            self._due_domains,
            self._domain_identity,
            self._end_domain,
            self._public_ids,
            self._settings.region,
            self._settings.mail_domain,
            self._settings.allow_test_domains,
            self.clock,
        )

    @built_once
    def list_domains(self) -> ListDomains:
        return ListDomains(self.domains)

    @built_once
    def get_domain(self) -> GetDomain:
        return GetDomain(self.domains)

    @built_once
    def verify_domain(self) -> VerifyDomain:
        return VerifyDomain(self._check_domain)

    @built_once
    def delete_domain(self) -> DeleteDomain:
        return DeleteDomain(self.domains, self._end_domain)

    @built_once
    def check_due_domains(self) -> CheckDueDomains:
        return CheckDueDomains(
            self._due_domains, self._check_domain, self._end_domain, self._follow_rules, self.clock, self._together
        )

    @built_once
    def _check_domain(self) -> CheckDomain:
        return CheckDomain(
            self.domains,
            self.holdings,
            self._due_domains,
            self._domain_identity,
            DnsLookup(self._settings.dns_servers),
            self._follow_rules,
            self._end_domain,
            self.tell_events,
            self._settings.region,
            self.clock,
        )
