"""What an application waits for around the network: a photograph is decoded and prepared, and the outputs are made into
an answer. On request (`pipeline` in the job) these are phases of the timed request.

pipeline_job.py is the part of the job, placement.py where a photograph's pixels go, normalising.py turns them into
values, answers.py makes the answer, pipelined_request.py times it all. pillow.py and opencv.py are the libraries,
behind image_library.py. `bench accuracy` prepares images by the same code on the host.
"""
