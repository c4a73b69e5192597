"""Makes every path of the API take every method, in the template that Chalice has written.

Chalice declares the methods that have a route. With any other, API Gateway would answer 403 in a shape of its own before it
asks us; declared, it comes to the function, which says 405 and names the methods there are (chalicelib/api/fallback.py).
"""

import copy
from collections.abc import MutableMapping
from typing import Any

ANY = "x-amazon-apigateway-any-method"
_INTEGRATION = "x-amazon-apigateway-integration"


def take_every_method(template: MutableMapping[str, Any]) -> None:
    """Change the template in place. What is declared already stays as it is: API Gateway prefers it."""
    paths = template["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]["paths"]
    for methods in paths.values():
        declared = next(iter(methods.values()))
        methods[ANY] = {"responses": {}, _INTEGRATION: copy.deepcopy(declared[_INTEGRATION])}
