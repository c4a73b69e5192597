"""Table and bucket: that nothing in them can be lost or read by strangers, and that what is to go goes."""

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from infra.checkup.deployed import Deployed
from infra.checkup.findings import as_json, fault, well_or
from infra.preflight import Finding

TTL = "ttl"  # the attribute
LIFECYCLE = {"uploads/": 2, "links/": 1}
"""After how many days what lies under a prefix goes."""
LIFECYCLE_RULES = [
    {"ID": name, "Status": "Enabled", "Filter": {"Prefix": prefix}, "Expiration": {"Days": LIFECYCLE[prefix]}}
    for name, prefix in (("unused-uploads", "uploads/"), ("links", "links/"))
]


def table(deployed: Deployed) -> Iterator[Finding]:
    yield from well_or(_faults_of_table(deployed), "the table is recoverable, protected, and forgets what has expired")


def _faults_of_table(deployed: Deployed) -> Iterator[Finding]:
    name, client = deployed.called("MailTable"), deployed.connect("dynamodb")
    known = client.describe_table(TableName=name)["Table"]
    if known["TableStatus"] not in ("ACTIVE", "UPDATING"):
        yield fault(f"the table is {known['TableStatus']}", "docs/operations.md, After a restore")
    if not known.get("DeletionProtectionEnabled"):
        yield fault(
            "the table can be deleted with one call",
            f"aws dynamodb update-table --table-name {name} --deletion-protection-enabled",
        )
    if known.get("BillingModeSummary", {}).get("BillingMode") != "PAY_PER_REQUEST":
        yield fault(
            "the table has a fixed capacity, and throttles what is over it",
            f"aws dynamodb update-table --table-name {name} --billing-mode PAY_PER_REQUEST",
        )
    backups = client.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    if backups.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus") != "ENABLED":
        yield fault(
            "the table cannot be restored: point-in-time recovery is off",
            f"aws dynamodb update-continuous-backups --table-name {name} "
            "--point-in-time-recovery-specification PointInTimeRecoveryEnabled=true",
        )
    expiry = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    if expiry["TimeToLiveStatus"] not in ("ENABLED", "ENABLING") or expiry.get("AttributeName") != TTL:
        yield fault(
            "the table keeps what has expired: its time to live is off",
            f"aws dynamodb update-time-to-live --table-name {name} "
            f"--time-to-live-specification Enabled=true,AttributeName={TTL}",
        )


def bucket(deployed: Deployed) -> Iterator[Finding]:
    yield from well_or(_faults_of_bucket(deployed), "the bucket is private, encrypted, and drops unused uploads")


def _faults_of_bucket(deployed: Deployed) -> Iterator[Finding]:
    name, s3 = deployed.called("MailBucket"), deployed.connect("s3")
    encryption = _unless(
        "ServerSideEncryptionConfigurationNotFoundError", lambda: s3.get_bucket_encryption(Bucket=name)
    )
    if encryption is None:
        yield fault(
            "the bucket is not encrypted",
            f"aws s3api put-bucket-encryption --bucket {name} --server-side-encryption-configuration "
            + as_json({"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}),
        )
    block = _unless("NoSuchPublicAccessBlockConfiguration", lambda: s3.get_public_access_block(Bucket=name))
    if block is None or not all(block["PublicAccessBlockConfiguration"].values()):
        yield fault(
            "the bucket may be made public",
            f"aws s3api put-public-access-block --bucket {name} --public-access-block-configuration "
            "BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true",
        )
    policy = _unless("NoSuchBucketPolicy", lambda: s3.get_bucket_policy(Bucket=name))
    if policy is None or "ses.amazonaws.com" not in policy["Policy"]:
        yield fault(
            "SES may not put mail into the bucket: no mail comes in",
            f"aws s3api put-bucket-policy --bucket {name} --policy …, as MailBucketPolicy in infra/resources.yaml has it",
        )
    rules = _unless("NoSuchLifecycleConfiguration", lambda: s3.get_bucket_lifecycle_configuration(Bucket=name))
    dropped = {
        _prefix(rule): rule.get("Expiration", {}).get("Days")
        for rule in (rules or {}).get("Rules", [])
        if rule["Status"] == "Enabled"
    }
    kept = sorted(prefix for prefix in LIFECYCLE if dropped.get(prefix) != LIFECYCLE[prefix])
    if kept:
        yield fault(
            f"the bucket keeps for ever what lies under {' and '.join(kept)}",
            f"aws s3api put-bucket-lifecycle-configuration --bucket {name} --lifecycle-configuration "
            f"{as_json({'Rules': LIFECYCLE_RULES})}",
        )
    lost = sorted(prefix for prefix in dropped if prefix not in LIFECYCLE)
    if lost:
        yield fault(
            f"the bucket drops mail: a rule of its lifecycle deletes what lies under {' and '.join(map(repr, lost))}",
            f"aws s3api get-bucket-lifecycle-configuration --bucket {name}\nshows the rule; take it out.",
        )


def _prefix(rule: dict[str, Any]) -> str:
    found: str = rule.get("Prefix") or rule.get("Filter", {}).get("Prefix") or ""
    return found


def _unless(code: str, ask: Any) -> dict[str, Any] | None:
    """The answer; None: there is no such setting, which S3 tells by this error."""
    try:
        answer: dict[str, Any] = ask()
    except ClientError as error:
        if error.response["Error"]["Code"] != code:
            raise
        return None
    return answer
