"""Several live workers on one device that take turns by bursts of requests, exactly one request in flight.

It runs on the device, so that no link lies between two bursts, and asks its workers through pipes.
"""
