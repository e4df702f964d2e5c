"""Files that a user brings: measured as they are, by the interface that they state themselves.

    open_model_file(path, "onnx", FileRequest(dimensions={"height": 640}))

A file is no model of the catalog: its tensors have whatever names, types and numbers of dimensions they have, and what
it leaves open is asked for (sizes.py) and never guessed.
"""
