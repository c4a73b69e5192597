"""Looks at the built template as CloudFormation would, before anything of it is uploaded."""

from infra.package import Package
from infra.stack import CommandFailed


def linted(package: Package) -> Package:
    """The package, if cfn-lint finds nothing in its template. Raises CommandFailed."""
    from cfnlint.api import lint  # noqa: PLC0415  its rules take a second to load, which only this step needs

    found = [str(match) for match in lint(package.template.read_text(encoding="utf-8"))]
    if found:
        raise CommandFailed("\n".join(["cfn-lint finds fault with the template, and nothing was changed:", *found]))
    return package
