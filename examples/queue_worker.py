"""A worker that grades alerts from a queue, as a service behind a SOAR would.

The queue is the standard library's; put yours in its place. An alert that cannot be graded is
answered too, so that nobody waits for it, and does not stop the worker.
"""

import json
from datetime import UTC, datetime
from queue import Queue
from threading import Thread

from exconn import Alert, Context, ExconnError, MemorySource, Source, UnavailableError, grade
from exconn.simulate import demo_tenant
from exconn.window import parse_time

Message = dict[str, str]


def answer(source: Source, context: Context, message: Message) -> Message:
    """Grade what a message asks for."""
    try:
        alert = Alert(connector=message["connector"], timestamp=parse_time(message["time"]))
        result = grade(source, alert, context=context)
    except UnavailableError as error:  # the service is busy: later it may not be
        return {"id": message["id"], "status": "retry", "reason": str(error)}
    except (ExconnError, KeyError) as error:
        return {"id": message["id"], "status": "failed", "reason": str(error)}
    return {"id": message["id"], "status": "graded", "grade": result.to_json()}


def work(source: Source, asked: Queue[Message | None], answered: Queue[Message]) -> None:
    """Answer messages until None comes."""
    while (message := asked.get()) is not None:
        answered.put(answer(source, Context(), message))


def main() -> None:
    """Let a worker answer three messages, the last of them about no connector that there is."""
    tenant = demo_tenant(mails=2_000)
    when = (tenant.at or datetime.now(UTC)).isoformat()
    names = [tenant.connector("quiet").name, tenant.connector("relay").name, "Rely"]
    asked, answered = Queue[Message | None](), Queue[Message]()
    worker = Thread(target=work, args=(MemorySource(tenant.frames), asked, answered))
    worker.start()
    for number, name in enumerate(names, 1):
        asked.put({"id": f"alert-{number}", "connector": name, "time": when})
    asked.put(None)
    worker.join()
    while not answered.empty():
        reply = answered.get()
        told = json.loads(reply["grade"])["classification"] if "grade" in reply else reply["reason"]
        print(f"{reply['id']}  {reply['status']:7}  {told}")


if __name__ == "__main__":
    main()
