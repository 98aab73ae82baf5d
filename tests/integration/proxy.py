"""A TCP proxy that treats a line as bad lines do: cuts it, swallows it, or lets a byte a minute through."""
import selectors
import socket
import threading
import time


class Proxy:
    """Forwards 127.0.0.1:`port` to `target_port`. `mode`: "pass", "cut" (each connection lives `life` seconds), "hole"
    (accepts and forwards nothing), "drip" (one byte a minute towards the client), "refuse"."""

    def __init__(self, target_port, mode="pass", life=2.0):
        self.target_port, self.mode, self.life = target_port, mode, life
        self.cuts = self.bytes_up = self.bytes_down = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.running = True
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self.running = False
        self.listener.close()

    def _accept(self):
        while self.running:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            if self.mode == "refuse":
                client.close()
            else:
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with client, socket.socket() as hub:
            try:
                hub.connect(("127.0.0.1", self.target_port))
                self._forward(client, hub)
            except OSError:
                pass

    def _forward(self, client, hub):
        born, last_drip = time.monotonic(), time.monotonic()
        pick = selectors.DefaultSelector()
        pick.register(client, selectors.EVENT_READ, hub)
        pick.register(hub, selectors.EVENT_READ, client)
        while self.running:
            if self.mode == "cut" and time.monotonic() - born > self.life:
                self.cuts += 1
                return
            if self.mode == "hole":
                time.sleep(0.05)
                continue
            for key, _ in pick.select(timeout=0.05):
                towards_client = key.fileobj is hub
                if self.mode == "drip" and towards_client:
                    if time.monotonic() - last_drip < 60:
                        time.sleep(0.05)
                        continue
                    last_drip = time.monotonic()
                data = key.fileobj.recv(1 if self.mode == "drip" and towards_client else 65536)
                if not data:
                    return
                if towards_client:
                    self.bytes_down += len(data)
                else:
                    self.bytes_up += len(data)
                key.data.sendall(data)
