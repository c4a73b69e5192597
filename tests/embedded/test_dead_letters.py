"""At every start of the embedded system, dead letters get another chance."""

from embedded.data_folder import PROJECT
from embedded.resources import Deployment
from embedded.system import put_back_dead_letters
from embedded.template import read_template
from infra.redrive import DeadLetters
from infra.stack import QUEUES
from tests.embedded.conftest import REGION, RunningAws


def test_every_queue_gets_its_dead_letters_back(running_aws: RunningAws) -> None:
    template = read_template(PROJECT / "infra" / "resources.yaml")
    parameters = {"MailDomain": "agents.test", "QueueVisibilitySeconds": "7"}
    deployment = Deployment(template, parameters, running_aws.clients(), REGION)
    sqs = running_aws.client("sqs")
    letters = [DeadLetters.of(sqs, deployment.ref(queue)) for queue in QUEUES.values()]
    for each in letters:
        sqs.purge_queue(QueueUrl=each.queue)
        sqs.send_message(QueueUrl=each.letters, MessageBody="a letter")

    put_back_dead_letters(sqs, deployment)

    for each in letters:
        [message] = sqs.receive_message(QueueUrl=each.queue)["Messages"]
        sqs.delete_message(QueueUrl=each.queue, ReceiptHandle=message["ReceiptHandle"])
        assert message["Body"] == "a letter"
        assert each.count() == 0
