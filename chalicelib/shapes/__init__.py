"""The JSON that leaves us and how the domain becomes it: answers of the API, and what webhooks carry."""
