"""A program that has the warm process fork for it: `python -m`, `dvc` or `fieldguide`, by the name of this file."""

import os
import signal
import socket
import sys
from json import dumps

folder, _, name = __file__.rpartition("/")
if name != "python":
    words = [{"fieldguide": "fieldguide.cli"}.get(name, name), *sys.argv[1:]]
elif sys.argv[1:2] == ["-m"] and sys.argv[2].startswith(("fieldguide", "dvc", "mlflow")):
    words = sys.argv[2:]
elif sys.argv[1:2] == ["-c"] and "WARM_CODE" in os.environ:
    words = sys.argv[1:]
else:
    os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
here = os.getcwd()  # noqa: PTH109 - importing pathlib would take longer than all this
order = dumps({"words": words, "folder": here, "environment": dict(os.environ)}).encode()
with socket.socket(socket.AF_UNIX) as server:
    server.connect(f"{folder}/{'dvc' if words[0].startswith('dvc') else 'fieldguide'}.socket")
    socket.send_fds(server, [len(order).to_bytes(8, "big")], [0, 1, 2])
    server.sendall(order)
    code = int.from_bytes(server.recv(4) or sys.exit("the process that has the libraries is gone"), "big", signed=True)
if code < 0:
    if -code != signal.SIGKILL:
        signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
sys.exit(code)
