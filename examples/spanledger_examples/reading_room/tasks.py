"""The worker that writes summaries: a row is read, a model is asked, the answer is written.

Run as ``celery --app spanledger_examples.reading_room.tasks worker``. `REDIS_URL` is where orders come from,
`PROVIDER_URL` is where the model is.

Never: keeps what a task returns; the row is the result.
"""

from __future__ import annotations

import os

import openai
from celery import Celery
from sqlalchemy.orm import Session

from spanledger_examples.reading_room.shelves import Book, for_the_worker

app = Celery("reading_room", broker=os.environ.get("REDIS_URL", "redis://localhost"))
app.conf.task_ignore_result = True

_engine = for_the_worker()
_model = openai.OpenAI(base_url=os.environ.get("PROVIDER_URL", "http://127.0.0.1:8323") + "/v1", api_key="demo")


@app.task(name="summarise")  # type: ignore[untyped-decorator]
def summarise(number: int) -> None:
    """Write the summary of a book."""
    with Session(_engine) as session:
        book = session.get_one(Book, number)
        asked = f"Tell in three sentences what happens in {book.title}"
        answer = _model.chat.completions.create(
            model="gpt-5-mini", messages=[{"role": "user", "content": asked}], max_tokens=64
        )
        book.summary = answer.choices[0].message.content
        session.commit()
