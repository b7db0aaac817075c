"""What the guest sends to the host: see guest_init.c for the types of frames."""
import struct


class Frames:
    """Cuts a growing byte stream into frames."""

    def __init__(self):
        self._bytes = bytearray()

    def feed(self, data):
        """Yields (type, payload) for each frame that is complete by now."""
        self._bytes += data
        while len(self._bytes) >= 5:
            size = struct.unpack_from('<I', self._bytes, 1)[0]
            if len(self._bytes) < 5 + size:
                return
            kind, payload = chr(self._bytes[0]), bytes(self._bytes[5:5 + size])
            del self._bytes[:5 + size]
            yield kind, payload
