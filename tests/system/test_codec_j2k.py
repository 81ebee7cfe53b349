#!/usr/bin/env python3
"""JPEG 2000 of others, in all the forms their encoders know, and beginnings of ours as others read them.

What opj_compress and ojph_compress make of one picture is put into a data set and decoded here; samples must be those of the
picture, or, with loss, those that the maker's own decoder gives.
"""
import os
import random
import struct
import sys

sys.dont_write_bytecode = True
import lib
from dul import EXPLICIT_LE
from lib import case, check, equal, tool, trap
from objects import HTJ2K_LOSSLESS, HTJ2K_RPCL, J2K_LOSSLESS, SECONDARY, encode, file_meta

FRAMES = os.path.join(lib.BUILD, 'tests', 'system', 'frame_tool')
if not os.path.exists(FRAMES):
    lib.skip_all('no %s' % FRAMES)
TMP = lib.folder()
J2K, HTJ2K = '1.2.840.10008.1.2.4.91', '1.2.840.10008.1.2.4.203'
SIZE = (131, 97)


def at(name):
    return os.path.join(TMP, name)


def read(path):
    with open(path, 'rb') as f:
        return f.read()


def write(path, data):
    with open(path, 'wb') as f:
        f.write(data)


def picture(colour):
    """A PNM file of smooth and noisy samples: its path, and its samples as DICOM has them."""
    chance, (columns, rows) = random.Random(5), SIZE
    if colour:
        data = bytes((x * 3 + c * 40 + y + chance.randrange(5)) % 256
                     for y in range(rows) for x in range(columns) for c in range(3))
        write(at('in.ppm'), b'P6\n%d %d\n255\n' % SIZE + data)
        return at('in.ppm'), data
    values = [(x * 17 + y * 13 + chance.randrange(9)) % 4096 for y in range(rows) for x in range(columns)]
    write(at('in.pgm'), b'P5\n%d %d\n4095\n' % SIZE + struct.pack('>%dH' % len(values), *values))
    return at('in.pgm'), struct.pack('<%dH' % len(values), *values)


def image(path, size, colour):
    """Samples of a PNM file that a decoder wrote."""
    n = size[0] * size[1] * (3 if colour else 2)
    data = read(path)[-n:]
    return data if colour else struct.pack('<%dH' % (n // 2), *struct.unpack('>%dH' % (n // 2), data))


def decoded(stream, syntax, colour, photometric):
    bits, stored = (8, 8) if colour else (16, 12)
    elements = [(0x00080016, 'UI', SECONDARY), (0x00080018, 'UI', '2.25.7'), (0x00280002, 'US', 3 if colour else 1),
                (0x00280004, 'CS', photometric), (0x00280008, 'IS', '1'), (0x00280010, 'US', SIZE[1]),
                (0x00280011, 'US', SIZE[0]), (0x00280100, 'US', bits), (0x00280101, 'US', stored),
                (0x00280102, 'US', stored - 1), (0x00280103, 'US', 0),
                (0x7FE00010, 'encapsulated', [b'', stream + b'\0' * (len(stream) % 2)])]
    if colour:
        elements.append((0x00280006, 'US', 0))
    write(at('in.dcm'), file_meta(SECONDARY, '2.25.7', syntax) + encode(elements, syntax))
    tool(FRAMES, 'samples', at('in.dcm'), at('samples'))
    return read(at('samples'))


def same(words, back, syntax, colour, lossy=False, photometric=None):
    path, wanted = picture(colour)
    stream, out = at('stream.j2k' if syntax == J2K else 'stream.j2c'), at('out.ppm' if colour else 'out.pgm')
    if os.path.exists(stream):
        os.unlink(stream)
    tool(words[0], '-i', path, '-o', stream, *words[1:])
    if lossy:
        tool(back, '-i', stream, '-o', out)
        wanted = image(out, SIZE, colour)
    if photometric is None:
        photometric = ('YBR_ICT' if lossy else 'YBR_RCT') if colour else 'MONOCHROME2'
    check(decoded(read(stream), syntax, colour, photometric) == wanted, 'other samples: %s' % ' '.join(words))


@case('all that opj_compress makes is decoded')
def openjpeg():
    trap(27, 'progressions, tiles, offsets, precincts, layers and block styles of other encoders')
    for line in ('', '-p RLCP -SOP -EPH', '-p PCRL -c [64,64],[32,32]', '-p CPRL -t 50,41', '-M 1', '-M 2', '-M 4', '-M 8',
                 '-M 32', '-M 63', '-b 16,16 -n 1', '-n 3 -p RPCL -TP R -PLT -TLM',
                 '-TP L -r 20,10,1'):
        same(['opj_compress'] + line.split(), 'opj_decompress', J2K, False)
    # its encoder loses samples where the first tiles are narrow
    same(['opj_compress', '-d', '13,27', '-T', '3,5', '-t', '64,64'], 'opj_decompress', J2K, False, lossy=True)
    same(['opj_compress', '-I', '-r', '12'], 'opj_decompress', J2K, False, lossy=True)
    same(['opj_compress'], 'opj_decompress', J2K, True)
    same(['opj_compress', '-mct', '0'], 'opj_decompress', J2K, True, photometric='RGB')
    same(['opj_compress', '-I', '-r', '10'], 'opj_decompress', J2K, True, lossy=True)


@case('all that ojph_compress makes is decoded')
def openjph():
    for line in ('', '-prog_order LRCP', '-prog_order CPRL -tile_size {50,41}', '-num_decomps 0',
                 '-block_size {32,128} -precincts {128,128},{64,64}',
                 '-tile_size {64,64} -tile_offset {3,5} -image_offset {13,27}'):
        same(['ojph_compress', '-reversible', 'true'] + line.split(), 'ojph_expand', HTJ2K, False)
    same(['ojph_compress', '-qstep', '0.01'], 'ojph_expand', HTJ2K, False, lossy=True)
    same(['ojph_compress', '-reversible', 'true'], 'ojph_expand', HTJ2K, True)
    same(['ojph_compress', '-qstep', '0.01', '-tile_size', '{64,64}'], 'ojph_expand', HTJ2K, True, lossy=True)


def parts(stream):
    """Where tile-parts end, by the TLM marker segment, after the main header."""
    place, lengths = 2, []
    while stream[place:place + 2] != b'\xff\x90':
        n = struct.unpack_from('>H', stream, place + 2)[0]
        if stream[place:place + 2] == b'\xff\x55':
            size, first = (6, 2) if stream[place + 5] == 0x60 else (5, 1)
            for i in range(place + 6, place + 2 + n, size):
                lengths.append(struct.unpack_from('>I', stream, i + first)[0])
        place += 2 + n
    ends = []
    for n in lengths:
        equal(stream[place:place + 2], b'\xff\x90', 'tile-part')
        place += n
        ends.append(place)
    equal(stream[place:place + 2], b'\xff\xd9', 'end of the code stream')
    return ends


@case('the beginning of a frame of ours, up to a length of TLM, is a smaller picture to other decoders')
def beginnings():
    path, samples = picture(False)
    elements = [(0x00080016, 'UI', SECONDARY), (0x00080018, 'UI', '2.25.7'), (0x00280002, 'US', 1),
                (0x00280004, 'CS', 'MONOCHROME2'), (0x00280008, 'IS', '1'), (0x00280010, 'US', SIZE[1]),
                (0x00280011, 'US', SIZE[0]), (0x00280100, 'US', 16), (0x00280101, 'US', 12), (0x00280102, 'US', 11),
                (0x00280103, 'US', 0), (0x7FE00010, 'OW', samples)]
    write(at('made.dcm'), file_meta(SECONDARY, '2.25.7', EXPLICIT_LE) + encode(elements))
    for syntax, words, skip in ((J2K_LOSSLESS, ['opj_decompress'], '-r'), (HTJ2K_RPCL, ['opj_decompress'], '-r'),
                                (HTJ2K_LOSSLESS, ['ojph_expand'], '-skip_res')):
        tool(FRAMES, 'encode', at('made.dcm'), syntax, at('coded.dcm'))
        stream = at('whole.j2k' if syntax == J2K_LOSSLESS else 'whole.j2c')
        tool(FRAMES, 'stream', at('coded.dcm'), '1', stream)
        data = read(stream)
        ends = parts(data)
        check(len(ends) > 2, ends)
        tool(*words, '-i', stream, '-o', at('whole.pgm'))
        equal(image(at('whole.pgm'), SIZE, False) == samples, True, '%s decoded by %s' % (syntax, words[0]))
        for resolution, end in enumerate(ends):
            reduce = len(ends) - 1 - resolution
            part, size = stream.replace('whole', 'part'), [(n + (1 << reduce) - 1) >> reduce for n in SIZE]
            write(part, data[:end] + b'\xff\xd9')  # what a reader of a range adds
            tool(*words, skip, str(reduce), '-i', stream, '-o', at('small.pgm'))
            tool(*words, skip, str(reduce), '-i', part, '-o', at('part.pgm'))
            check(image(at('small.pgm'), size, False) == image(at('part.pgm'), size, False),
                  '%s, resolution %d by %s' % (syntax, resolution, words[0]))


lib.main()
