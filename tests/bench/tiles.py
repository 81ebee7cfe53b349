"""One multi-frame instance, as a slide's level is: so many frames of so many bytes each, encapsulated."""
import os
import struct

ROOT = "1.2.826.0.1.3680043.2.1143.40"
STUDY, SERIES, INSTANCE = ROOT + ".1", ROOT + ".2", ROOT + ".3"
JPEG = "1.2.840.10008.1.2.4.50"
SECONDARY = "1.2.840.10008.5.1.4.1.1.7.4"  # multi-frame true color secondary capture


def element(group, number, vr, value):
    if isinstance(value, str):
        value = value.encode() + ((b"\0" if vr == "UI" else b" ") if len(value) % 2 else b"")
    head = struct.pack("<HH2s", group, number, vr.encode())
    return head + (struct.pack("<HI", 0, len(value)) if vr in ("OB", "UN") else struct.pack("<H", len(value))) + value


def write(path, frames, size):
    """The frames begin and end as JPEG does; what is between is noise, which nobody decodes here."""
    meta = (element(2, 1, "OB", b"\0\1") + element(2, 2, "UI", SECONDARY) + element(2, 3, "UI", INSTANCE) + element(2, 0x10, "UI", JPEG)
            + element(2, 0x12, "UI", ROOT))
    with open(path, "wb") as f:
        f.write(bytes(128) + b"DICM" + element(2, 0, "UL", struct.pack("<I", len(meta))) + meta)
        for e in ((8, 0x16, "UI", SECONDARY), (8, 0x18, "UI", INSTANCE), (8, 0x60, "CS", "OT"), (0x10, 0x10, "PN", "Bench^Tiles"),
                  (0x10, 0x20, "LO", "TILES"), (0x20, 0xD, "UI", STUDY), (0x20, 0xE, "UI", SERIES), (0x20, 0x13, "IS", "1"),
                  (0x28, 2, "US", struct.pack("<H", 3)), (0x28, 4, "CS", "YBR_FULL_422"), (0x28, 6, "US", bytes(2)),
                  (0x28, 8, "IS", str(frames)), (0x28, 0x10, "US", struct.pack("<H", 256)), (0x28, 0x11, "US", struct.pack("<H", 256)),
                  (0x28, 0x100, "US", struct.pack("<H", 8)), (0x28, 0x101, "US", struct.pack("<H", 8)),
                  (0x28, 0x102, "US", struct.pack("<H", 7)), (0x28, 0x103, "US", bytes(2))):
            f.write(element(*e))
        f.write(struct.pack("<HH2sHI", 0x7FE0, 0x10, b"OB", 0, 0xFFFFFFFF))
        f.write(struct.pack("<HHI", 0xFFFE, 0xE000, 4 * frames))
        f.write(b"".join(struct.pack("<I", n * (size + 8)) for n in range(frames)))
        noise = os.urandom(size + frames)
        for n in range(frames):
            f.write(struct.pack("<HHI", 0xFFFE, 0xE000, size) + b"\xff\xd8" + noise[n:n + size - 4] + b"\xff\xd9")
        f.write(struct.pack("<HHI", 0xFFFE, 0xE0DD, 0))
