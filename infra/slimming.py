"""Takes out of an unpacked package what no function reads: three quarters of botocore, and what only people look at."""

import gzip
import json
import shutil
from pathlib import Path
from typing import Any

# The services whose clients are made in chalicelib/, and what botocore reads for each of them. tests/infra/test_package.py
# makes every client from the slimmed package.
SERVICES = frozenset({"dynamodb", "s3", "ses", "sesv2", "sqs"})
ENDPOINTS = frozenset({"dynamodb", "email", "s3", "sqs"})  # the same by the names of their hosts
_BOTOCORE_DATA = frozenset({"endpoints.json", "partitions.json", "_retry.json", "sdk-default-configuration.json"})
# Types of DNS records with a class of their own: those that are asked for or come along with an answer. dnspython reads any
# other as plain octets.
_RECORDS = frozenset({"__init__", "A", "AAAA", "CNAME", "MX", "NS", "OPT", "PTR", "SOA", "TSIG", "TXT"})
_PARAMETERS_OF_CLIENT = "clientContextParams"  # in a service's model
# Only the resource layer of boto3, waiters and paginators read these; nobody here uses them.
_DROPPED = (
    "bin",
    "boto3/data",
    "boto3/examples",
    "botocore/data/*/*/examples-1.json*",
    "botocore/data/*/*/paginators-1*.json*",
    "botocore/data/*/*/waiters-2.json*",
    # What dnspython has for servers, signers and loops of others; it imports them only when asked to.
    "dns/_asyncio_backend.py",
    "dns/_trio_backend.py",
    "dns/asyncresolver.py",
    "dns/btree*.py",
    "dns/dnssec.py",
    "dns/dnssecalgs",
    "dns/quic/_*[!_].py",
    "dns/versioned.py",
    "dns/win32util.py",
    "dns/zone*.py",
    "dateutil/zoneinfo/*.tar.gz",  # the system's is read first, and we know no time but UTC
    "urllib3/contrib/emscripten",
    "**/*.pyi",
    "**/py.typed",
    "*.dist-info/RECORD",
    "*.dist-info/INSTALLER",
    "*.dist-info/REQUESTED",
    "*.dist-info/WHEEL",
    "*.dist-info/direct_url.json",
)


def slim(unpacked: Path) -> None:
    """Licences and each library's own metadata stay."""
    data = unpacked / "botocore" / "data"
    for entry in data.iterdir():
        if entry.name not in SERVICES | _BOTOCORE_DATA:
            _remove(entry)
    for pattern in _DROPPED:
        for entry in list(unpacked.glob(pattern)):
            _remove(entry)
    for record in unpacked.glob("dns/rdtypes/*/*.py"):
        if record.stem not in _RECORDS:
            _remove(record)
    for model in data.glob("*/*/service-2.json.gz"):
        model.write_bytes(
            gzip.compress(_compact(_without_words(json.loads(gzip.decompress(model.read_bytes())))), 9, mtime=0)
        )
    endpoints = data / "endpoints.json"
    known = json.loads(endpoints.read_bytes())
    for partition in known["partitions"]:
        partition["services"] = {name: one for name, one in partition["services"].items() if name in ENDPOINTS}
    endpoints.write_bytes(_compact(known))


def _without_words(model: Any) -> Any:
    """A service's model without its documentation, which is most of it."""
    if isinstance(model, dict):
        return {
            name: _described_by_nothing(value) if name == _PARAMETERS_OF_CLIENT else _without_words(value)
            for name, value in model.items()
            if not _is_words(name, value)
        }
    return [_without_words(value) for value in model] if isinstance(model, list) else model


def _described_by_nothing(parameters: dict[str, Any]) -> dict[str, Any]:
    """The words of these are read by botocore, and no others; without them no call of S3 finds its endpoint."""
    return {name: parameter | {"documentation": ""} for name, parameter in parameters.items()}


def _is_words(name: str, value: Any) -> bool:
    return name == "documentation" and isinstance(value, str)


def _compact(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
