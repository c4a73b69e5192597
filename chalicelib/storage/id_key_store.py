"""The key behind message and thread ids: made once for a deployment, kept in its table."""

import secrets

from pynamodb.exceptions import PutError

from chalicelib.storage import keys
from chalicelib.storage.failures import unavailable_when_aws_fails
from chalicelib.storage.tables import IdKeyItem, condition_failed

SECRET_BYTES = 32


@unavailable_when_aws_fails()
def load_or_create_id_key() -> bytes:
    """The deployment's id key (32 bytes). Every process gets the same one, whoever comes first makes it."""
    try:
        return IdKeyItem.get(keys.DEPLOYMENT_PARTITION, keys.ID_KEY, consistent_read=True).secret
    except IdKeyItem.DoesNotExist:
        item = IdKeyItem(keys.DEPLOYMENT_PARTITION, keys.ID_KEY, secret=secrets.token_bytes(SECRET_BYTES))
    try:
        item.save(condition=IdKeyItem.pk.does_not_exist())
    except PutError as error:
        if not condition_failed(error):
            raise
        item.refresh(consistent_read=True)
    return item.secret
