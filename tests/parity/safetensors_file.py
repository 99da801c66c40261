"""safetensors_file.py - reads and writes safetensors files with numpy alone."""
import json

import numpy

TYPES = {"F32": numpy.dtype("<f4"), "F64": numpy.dtype("<f8"), "I64": numpy.dtype("<i8")}


def write(path, arrays):
    """arrays: name -> numpy array. Eight-byte elements come first, so that all are aligned."""
    header, data = {}, b""
    for name, array in sorted(arrays.items(), key=lambda item: (-item[1].itemsize, item[0])):
        kind = next(k for k, t in TYPES.items() if t == array.dtype)
        part = numpy.asarray(array, dtype=TYPES[kind], order="C").tobytes()
        header[name] = {"dtype": kind, "shape": list(array.shape),
                        "data_offsets": [len(data), len(data) + len(part)]}
        data += part
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(len(text).to_bytes(8, "little") + text + data)


def read(path):
    """name -> numpy array."""
    with open(path, "rb") as f:
        header = json.loads(f.read(int.from_bytes(f.read(8), "little")))
        data = f.read()
    arrays = {}
    for name, entry in header.items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            flat = numpy.frombuffer(data[begin:end], dtype=TYPES[entry["dtype"]])
            arrays[name] = flat.reshape(entry["shape"])
    return arrays
