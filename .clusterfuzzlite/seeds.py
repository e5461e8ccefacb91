"""Makes the zip of seeds that ClusterFuzzLite and OSS-Fuzz want of a packed corpus: seeds.py FILE.corpus ZIP.

docs/packed-corpus.md has the layout. `vopr corpus unpack` does the same for a folder; here, vopr would have to be built
without the sanitizer first.
"""

import struct
import sys
import zipfile
import zlib

HEADER = struct.Struct("<8sHII")


def inputs(packed):
    """The name and the bytes of each input."""
    magic, version, length, checksum = HEADER.unpack_from(packed)
    body = packed[HEADER.size :]
    if (magic, version, length, checksum) != (b"VOPRCRP\0", 1, len(body), zlib.crc32(body)):
        sys.exit("seeds.py: damaged, or not a packed corpus of version 1")
    while body:
        name, body = body[1 : 1 + body[0]], body[1 + body[0] :]
        (length,) = struct.unpack_from("<I", body)
        yield name.decode("ascii"), body[4 : 4 + length]
        body = body[4 + length :]


with open(sys.argv[1], "rb") as file, zipfile.ZipFile(sys.argv[2], "w") as archive:
    for name, content in inputs(file.read()):
        archive.writestr(name, content)
