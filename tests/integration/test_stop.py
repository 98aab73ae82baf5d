"""Ending while programs save: in order, and what close() had acknowledged is there."""
import os
import signal
import threading
import time

from world import CARE, SERVICE, renumber, sample, wait_until


def test_sigterm_while_files_are_saved_ends_in_order_and_loses_none(world):
    hub = world.hub().start()
    care = world.mount("care", "[outbox]\nsettle = 60s\n").enrol(hub, CARE)
    hub.add(SERVICE)
    world.mount("service").enrol(hub, SERVICE, hub.token(SERVICE))
    care.start()
    folder = wait_until(lambda: care.partner(care.outbox(), SERVICE), "the directory arrives")
    (name, data), = sample("valid/d_delete_month_plan").items()
    document = b"%PDF-1.4\n" + os.urandom(1 << 20) * 30
    for moment in (0.3, 0.5, 1.0):
        acknowledged, lock = {}, threading.Lock()

        def write(path, content):
            try:
                with open(path, "wb", buffering=0) as f:
                    f.write(content)
            except OSError:
                return False
            with lock:
                acknowledged[path] = len(content)
            return True

        def plans(k, round=int(moment * 10)):
            for i in range(10000):
                (one, text), = renumber({name: data}, f"2025{round:02d}{k + 1:02d}{i:06d}").items()
                if not write(care.outbox() / one, text):
                    return

        threads = [threading.Thread(target=write, args=(folder / f"d{k}.pdf", document)) for k in range(4)]
        threads += [threading.Thread(target=plans, args=(k,)) for k in range(6)]
        [t.start() for t in threads]
        time.sleep(moment)
        care.stop(signal.SIGTERM)
        [t.join() for t in threads]
        assert acknowledged, "nothing was saved before the end"
        care.start()
        for path, size in acknowledged.items():
            assert path.stat().st_size == size, path
