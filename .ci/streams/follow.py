"""Follows an event stream with httpx-sse and prints `id subject` of each message. It comes back
when the events say: `closing` has the time, a lost connection the last `retry`.
`.ci/streams.py` runs it.

    follow.py URL KEY CA
"""

import json
import ssl
import sys
import time

import httpx
from httpx_sse import connect_sse

url, key, ca = sys.argv[1:]
last, retry_ms = "0", 1000
context = ssl.create_default_context(cafile=ca)
with httpx.Client(verify=context, timeout=httpx.Timeout(5, read=60)) as client:
    while True:
        wait_ms = retry_ms
        try:
            headers = {"Authorization": "Bearer " + key, "Last-Event-ID": last}
            with connect_sse(client, "GET", url, headers=headers) as source:
                if source.response.status_code not in (200, 503):
                    sys.exit(f"refused: {source.response.status_code}")
                for event in source.iter_sse():
                    last = event.id or last
                    retry_ms = event.retry or retry_ms
                    data = json.loads(event.data)
                    if event.event == "message.received":
                        print(event.id, data["message"]["subject"], flush=True)
                    elif event.event == "closing":
                        wait_ms = data["reconnect_after_ms"]
        except (httpx.TransportError, httpx.HTTPStatusError):
            pass
        except Exception as error:  # httpx-sse raises where a 503 is no stream
            if "text/event-stream" not in str(error):
                raise
        time.sleep(wait_ms / 1000)
