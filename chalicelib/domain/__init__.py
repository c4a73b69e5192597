"""What is true without AWS: messages, statuses, threads, addresses, errors."""
