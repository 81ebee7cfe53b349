"""One multi-frame instance, as a slide's level is: so many frames of so many bytes each, encapsulated."""
import os
import struct

ROOT = "1.2.826.0.1.3680043.2.1143.40"
STUDY, SERIES, INSTANCE = ROOT + ".1", ROOT + ".2", ROOT + ".3"
EXPLICIT, DX = "1.2.840.10008.1.2.1", "1.2.840.10008.5.1.4.1.1.1.1"
JPEG = "1.2.840.10008.1.2.4.50"
SECONDARY = "1.2.840.10008.5.1.4.1.1.7.4"  # multi-frame true color secondary capture


def element(group, number, vr, value):
    if isinstance(value, str):
        value = value.encode() + ((b"\0" if vr == "UI" else b" ") if len(value) % 2 else b"")
    head = struct.pack("<HH2s", group, number, vr.encode())
    return head + (struct.pack("<HI", 0, len(value)) if vr in ("OB", "UN") else struct.pack("<H", len(value))) + value


def head(sop_class, instance, syntax):
    meta = (element(2, 1, "OB", b"\0\1") + element(2, 2, "UI", sop_class) + element(2, 3, "UI", instance) + element(2, 0x10, "UI", syntax)
            + element(2, 0x12, "UI", ROOT))
    return bytes(128) + b"DICM" + element(2, 0, "UL", struct.pack("<I", len(meta))) + meta


def identity(sop_class, modality, study, series, instance):
    return b"".join(element(*e) for e in (
        (8, 0x16, "UI", sop_class), (8, 0x18, "UI", instance), (8, 0x60, "CS", modality), (0x10, 0x10, "PN", "Bench^Tiles"),
        (0x10, 0x20, "LO", "TILES"), (0x20, 0xD, "UI", study), (0x20, 0xE, "UI", series), (0x20, 0x13, "IS", "1")))


def image(samples, photometric, frames, width, height, bits, stored):
    short = lambda n: struct.pack("<H", n)  # noqa: E731
    planar = [(0x28, 6, "US", short(0))] if samples > 1 else []
    many = [(0x28, 8, "IS", str(frames))] if frames > 1 else []
    return b"".join(element(*e) for e in (
        (0x28, 2, "US", short(samples)), (0x28, 4, "CS", photometric), *planar, *many, (0x28, 0x10, "US", short(height)),
        (0x28, 0x11, "US", short(width)), (0x28, 0x100, "US", short(bits)), (0x28, 0x101, "US", short(stored)),
        (0x28, 0x102, "US", short(stored - 1)), (0x28, 0x103, "US", short(0))))


def write_image(path, width, height, samples):
    """One uncompressed DX of 16 bits, 12 stored, in a study of its own (ROOT.4 to ROOT.6)."""
    with open(path, "wb") as f:
        f.write(head(DX, ROOT + ".6", EXPLICIT) + identity(DX, "DX", ROOT + ".4", ROOT + ".5", ROOT + ".6")
                + image(1, "MONOCHROME2", 1, width, height, 16, 12))
        f.write(struct.pack("<HH2sHI", 0x7FE0, 0x10, b"OW", 0, len(samples)) + samples)


def write(path, frames, size):
    """The frames begin and end as JPEG does; what is between is noise, which nobody decodes here."""
    with open(path, "wb") as f:
        f.write(head(SECONDARY, INSTANCE, JPEG) + identity(SECONDARY, "OT", STUDY, SERIES, INSTANCE)
                + image(3, "YBR_FULL_422", frames, 256, 256, 8, 8))
        f.write(struct.pack("<HH2sHI", 0x7FE0, 0x10, b"OB", 0, 0xFFFFFFFF))
        f.write(struct.pack("<HHI", 0xFFFE, 0xE000, 4 * frames))
        f.write(b"".join(struct.pack("<I", n * (size + 8)) for n in range(frames)))
        noise = os.urandom(size + frames)
        for n in range(frames):
            f.write(struct.pack("<HHI", 0xFFFE, 0xE000, size) + b"\xff\xd8" + noise[n:n + size - 4] + b"\xff\xd9")
        f.write(struct.pack("<HHI", 0xFFFE, 0xE0DD, 0))
