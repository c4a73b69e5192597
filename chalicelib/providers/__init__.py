"""SES, SQS and other services, spoken to in the words of the domain."""
