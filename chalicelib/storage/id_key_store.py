"""The key behind message and thread ids: made once for a deployment, kept in its table."""

import secrets

from chalicelib.storage import keys
from chalicelib.storage.conditional_writes import Refused, put_if
from chalicelib.storage.failures import unavailable_when_aws_fails
from chalicelib.storage.tables import IdKeyItem

SECRET_BYTES = 32


@unavailable_when_aws_fails()
def load_or_create_id_key() -> bytes:
    """The deployment's id key (32 bytes). Every process gets the same one, whoever comes first makes it."""
    try:
        return IdKeyItem.get(keys.DEPLOYMENT_PARTITION, keys.ID_KEY, consistent_read=True).secret
    except IdKeyItem.DoesNotExist:
        item = IdKeyItem(keys.DEPLOYMENT_PARTITION, keys.ID_KEY, secret=secrets.token_bytes(SECRET_BYTES))
    made = put_if(item, IdKeyItem.pk.does_not_exist())
    if isinstance(made, Refused) and made.found is not None:
        return made.found.secret
    return item.secret
