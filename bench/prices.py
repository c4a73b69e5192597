"""What AWS asks: list prices of us-east-1, in dollars, without free tiers; the date is that of docs/cost.md."""

from dataclasses import dataclass

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Prices:
    """Each is of a million unless its name says otherwise."""

    as_of: str = "2026-11-23"
    write_units: float = 0.625  # DynamoDB, on demand
    read_units: float = 0.125
    lambda_requests: float = 0.20
    lambda_gb_second: float = 0.0000133334  # one, arm64
    api_requests: float = 3.50  # API Gateway, REST
    queue_requests: float = 0.40  # SQS, standard
    notices: float = 0.50  # SNS; what it hands to SQS costs nothing but SQS's request
    puts: float = 5.00  # S3: PUT, COPY
    gets: float = 0.40
    log_gb: float = 0.50  # CloudWatch Logs, taken in
    traces: float = 5.00  # X-Ray, recorded
    metric_month: float = 0.30  # one
    alarm_month: float = 0.10  # one
    dashboard_month: float = 3.00  # one
    mails_out: float = 100.00  # SES
    mails_in: float = 100.00
    chunks_in: float = 90.00  # each whole 256 KB of a mail


PRICES = Prices()
