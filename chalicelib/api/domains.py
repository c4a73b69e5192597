"""Own domains: add, list, read, have checked, delete."""

from typing import Annotated

import msgspec
from msgspec import Meta

from chalicelib.api.answers import NO_CONTENT, Answer, json_answer
from chalicelib.api.api_request import ApiRequest
from chalicelib.api.json_reading import RequestShape
from chalicelib.api.json_requests import PageQuery
from chalicelib.api.paging import Listing
from chalicelib.api.routes import Routes, Success
from chalicelib.domain.account import Scope
from chalicelib.domain.errors import ErrorCode
from chalicelib.domain.own_domain import Domain, new_domain_id
from chalicelib.domain.own_domain import domain_id as _id
from chalicelib.operations.answer_once import Fresh, NameResource
from chalicelib.shapes.domain_shapes import DomainJson, domain_as_json
from chalicelib.shapes.json_shapes import PageJson
from chalicelib.wiring import operations

routes = Routes(__name__)


class NewDomainJson(RequestShape, frozen=True):
    """A domain to add."""

    domain: Annotated[str, Meta(min_length=1, max_length=260, examples=["example.com"])]


@routes.post(
    "/domains",
    Success(201, DomainJson),
    scope=Scope.MANAGE,
    body=NewDomainJson,
    creates=True,
    errors=frozenset({ErrorCode.DOMAIN_EXISTS, ErrorCode.QUOTA_EXCEEDED}),
)
def create_domain(request: ApiRequest) -> Answer:
    """Add a domain; the answer has the DNS records to set."""
    text = request.body(NewDomainJson).domain

    def create(name_resource: NameResource) -> Fresh:
        domain_id = new_domain_id()
        name_resource(domain_id)
        return _fresh(operations().create_domain(domain_id, text, request.caller))

    def recover(resource: str) -> Fresh:
        return _fresh(operations().create_domain(_id(resource), text, request.caller))

    return request.answer_once(201, create, recover)


@routes.get("/domains", Success(200, PageJson[DomainJson]), scope=Scope.READ, query=PageQuery)
def list_domains(request: ApiRequest) -> Answer:
    """List the account's domains, newest first."""
    listing = Listing.of_account(operations().public_ids(), "domains", request.caller.account_id)
    page = operations().list_domains(request.caller, listing.request(request.query(PageQuery)))
    return json_answer(200, listing.page(page, domain_as_json))


@routes.get("/domains/{domain_id}", Success(200, DomainJson), scope=Scope.READ)
def get_domain(request: ApiRequest, domain_id: str) -> Answer:
    """Read a domain, its records, and what the last check found of each."""
    return json_answer(200, domain_as_json(operations().get_domain(_id(domain_id), request.caller)))


@routes.post("/domains/{domain_id}/verify", Success(200, DomainJson), scope=Scope.MANAGE)
def verify_domain(request: ApiRequest, domain_id: str) -> Answer:
    """Check the records of a domain now, and then every quarter of an hour for three days."""
    return json_answer(200, domain_as_json(operations().verify_domain(_id(domain_id), request.caller)))


@routes.delete("/domains/{domain_id}", Success(204), scope=Scope.MANAGE, errors=frozenset({ErrorCode.DOMAIN_IN_USE}))
def delete_domain(request: ApiRequest, domain_id: str) -> Answer:
    """Delete a domain that no inbox lives on."""
    operations().delete_domain(_id(domain_id), request.caller)
    return NO_CONTENT


def _fresh(domain: Domain) -> Fresh:
    return Fresh(msgspec.json.encode(domain_as_json(domain)))
