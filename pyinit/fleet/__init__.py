"""The pyinits in the containers of an engine, seen from outside: for people at a machine.

Speaks Docker's API through its SDK (`pip install 'pyinit[docker]'`), of Docker or of Podman.  The
image has none of this: who is inside has the control socket.
"""
