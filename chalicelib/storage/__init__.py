"""DynamoDB and S3: the table, the message index and one store per thing."""
